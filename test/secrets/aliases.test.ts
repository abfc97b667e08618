import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { reencryptSops } from '../../lib/secrets/sops/reencrypt.ts'
import type { Rule } from '../../lib/secrets/sops/rules.ts'
import { noSops, realSops, type RealSops } from '../support/real-sops.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
let sops: RealSops

beforeAll(async () => {
  sops = await realSops()
})
afterAll(() => sops.close())

const encrypt = async (text: string, rule?: Rule): Promise<Buffer> =>
  (await encryptSops(Buffer.from(text), { format: 'yaml', recipients: [sops.to], now: NOW, ...(rule === undefined ? {} : { rule }) })).bytes
const decrypt = async (bytes: Buffer): Promise<string> => (await decryptSops(bytes, sops.identities)).plaintext.text()

/** What sops makes of a text that it has encrypted itself, without comments: where those go is its own affair. */
const sopsPrints = (text: string): string =>
  withoutComments(sops.run('decrypt', 'yaml', sops.run('encrypt', 'yaml', Buffer.from(text), '--age', sops.to)).toString())
const withoutComments = (text: string): string => text.replaceAll(/^ *#.*\n| +#.*$/gm, '').replaceAll(/\n\n+/g, '\n')

/** Too long for a key on one line. */
const LONG = 'long '.repeat(220)

/** A text, and what is instead of each of its lines that has an alias. */
const TEXTS: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>]>> = {
  'a mapping': ['a: &x\n  k: 1\n\nb: *x\nc: [1,  2]\n', { 'b: *x': 'b: {k: 1}' }],
  'scalars of every type': [
    'a: [&s text, &i 7, &f 1.50, &b true, &n ~, &t 2020-01-01, &q "7", &e ""]\nb: [*s, *i,  *f, *b, *n, *t, *q, *e] # c\ns: *s\ni: *i\nf: *f\nn: *n\nt: *t\nq: *q\n\ne: *e\n',
    {
      'b: [*s, *i,  *f, *b, *n, *t, *q, *e] # c': 'b: [text, 7,  1.50, true, null, 2020-01-01, "7", ""] # c',
      's: *s': 's: text',
      'i: *i': 'i: 7',
      'f: *f': 'f: 1.50',
      'n: *n': 'n: null',
      't: *t': 't: 2020-01-01',
      'q: *q': 'q: "7"',
      'e: *e': 'e: ""',
    },
  ],
  'merge keys': [
    'base: &base\n    a: one # c\n    b:   "two"\nmore: &more {c: 3}\none:\n    <<: *base\n    own: x\nmany:\n    <<: [*base, *more]\n\n    own: y\n',
    { '    <<: *base': '    <<: {a: one, b: two}', '    <<: [*base, *more]': '    <<: [{a: one, b: two}, {c: 3}]' },
  ],
  'a merge within a copy': [
    'a: &a\n  k: 1\nb: &b\n  <<: *a\n  l: 2\n\nc: *b\n',
    { '  <<: *a': '  <<: {k: 1}', 'c: *b': 'c: {<<: {k: 1}, l: 2}' },
  ],
  'items of lists': [
    'a: &x\n- k: [1, 2]\n  l: {}\n-  &y two words\nb:\n-   *x\n- *y\n- - *y\n  - k: *y\n\n- [*y , *x]\n',
    {
      '-   *x': '-   [{k: [1, 2], l: {}}, two words]',
      '- *y': '- two words',
      '- - *y': '- - two words',
      '  - k: *y': '  - k: two words',
      '- [*y , *x]': '- [two words , [{k: [1, 2], l: {}}, two words]]',
    },
  ],
  'text of several lines': [
    'a: &x |\n  one\n  two\nb: *x # c\nc:\n  - *x\n  - [*x]\nd: &y "1\\n\\n"\ne: *y\n\nf: z\n',
    {
      'b: *x # c': 'b: | # c\n  one\n  two',
      '  - *x': '  - |\n    one\n    two',
      '  - [*x]': '  - ["one\\ntwo\\n"]',
      'e: *y': 'e: "1\\n\\n"',
    },
  ],
  'bytes that are no text': [
    'a: &x !!binary /wA=\n\nb: *x\nc: [*x, {k: *x}]\n',
    { 'b: *x': 'b: !!binary /wA=', 'c: [*x, {k: *x}]': 'c: [!!binary /wA=, {k: !!binary /wA=}]' },
  ],
  'text and keys that mean something between brackets': [
    `a: &x\n  "a, b": "x, y"\n  k[0]: http://x/y?z#a\n  ? "${LONG}"\n  : "{{ a }}"\n  "": it's\n  "yes": "no"\n  "two\\nlines": '- x'\n  -k: ?x\n  d:e: :x\n  z: -x\n  "<<": {q: 1}\n  "1": "#x"\n  w: "*x"\n\nb: *x\n`,
    {
      'b: *x': `b: {"a, b": "x, y", "k[0]": "http://x/y?z#a", ? '${LONG}': '{{ a }}', "": it's, "yes": "no", "two\\nlines": '- x', -k: "?x", "d:e": ":x", z: -x, <<: {q: 1}, "1": '#x', w: '*x'}`,
    },
  ],
  'aliases in anchors, and anchors in copies': [
    'a: &x\n  k: &y v\n  l: &z [*y]\nb: *x\nc: *z\nd: &x other\n\ne: *x\n',
    { '  l: &z [*y]': '  l: &z [v]', 'b: *x': 'b: {k: v, l: [v]}', 'c: *z': 'c: [v]', 'e: *x': 'e: other' },
  ],
  'comments, which are not copied': [
    'a: &x\n  # c1\n  k: 1 # c2\n  # c3\n  l:\n  - 2 # c4\n# c5\nb: *x # c6\n\n# c7\nc: *x\n',
    { 'b: *x # c6': 'b: {k: 1, l: [2]} # c6', 'c: *x': 'c: {k: 1, l: [2]}' },
  ],
  'what SOPS leaves in clear': [
    'a_unencrypted: &x\n  k: [x, "1", 2]\nb_unencrypted: *x\nc: *x\n\nd: z\n',
    { 'b_unencrypted: *x': 'b_unencrypted: {k: [x, "1", 2]}', 'c: *x': 'c: {k: [x, "1", 2]}' },
  ],
  'a document in brackets': [
    '{a: &x {k: v}, b: *x,\n  c: [*x]}\n',
    { '{a: &x {k: v}, b: *x,': '{a: &x {k: v}, b: {k: v},', '  c: [*x]}': '  c: [{k: v}]}' },
  ],
  'carriage returns': ['a: &x\r\n  k: 1\r\n\r\nb: *x\r\n', { 'b: *x\r': 'b: {k: 1}\r' }],
  'several documents': ['a: &x 1\n\nb: *x\n---\nc: &x {k: 2}\n\nd: *x', { 'b: *x': 'b: 1', 'd: *x': 'd: {k: 2}' }],
}

describe('an alias becomes a copy where it stands, every other byte stays, and the real sops reads the same', () => {
  test.each(Object.entries(TEXTS))('%s', async (_, [text, lines]) => {
    const wanted = text
      .split('\n')
      .map((line) => lines[line] ?? line)
      .join('\n')
    const encrypted = await encrypt(text)
    expect(await decrypt(encrypted)).toBe(wanted)
    for (const plaintext of [text, wanted]) {
      const again = await reencryptSops(encrypted, Buffer.from(plaintext), { identities: sops.identities, now: NOW })
      expect(again.changed).toBe(false)
    }
    if (noSops !== null) return
    expect(withoutComments(sops.run('decrypt', 'yaml', encrypted).toString())).toBe(sopsPrints(text))
  })
})

/** Lines of the second text that are not in the first, but those of the MAC and its time. */
const newLines = (old: Buffer, now: Buffer): string[] => {
  const lines = new Set(old.toString().split('\n'))
  return now
    .toString()
    .split('\n')
    .filter((line) => !lines.has(line) && !/^ +(?:mac|lastmodified):/.test(line))
}

test('the next edit of a file that had aliases changes the line that was edited, whether its aliases are still there or not', async () => {
  const text = 'base: &base\n    user: "me"\n    port: 7\n\nprod:\n    <<: *base\n    host: a\n\nall: [*base,  x]\n'
  const old = await encrypt(text)
  for (const plaintext of [text, await decrypt(old)]) {
    const edited = Buffer.from(plaintext.replace('host: a', 'host: b'))
    const next = await reencryptSops(old, edited, { identities: sops.identities, now: new Date(NOW.getTime() + 1000) })
    expect(newLines(old, next.bytes)).toEqual([expect.stringMatching(/^ {4}host: ENC\[/)])
  }
})

const COMMENTED = 'a: &x\n  # seal\n  k: canary-one\n  l: 2\n\nb: *x\n'
const BEHIND = 'a: &x\n  k: canary-one\n  l: canary-two\n\nb: *x # seal\nc: *x\n'

test('a comment in what is copied that asks for encryption is heeded in the copy too', async () => {
  const encrypted = (await encrypt(COMMENTED, { kind: 'encrypted_comment_regex', pattern: 'seal' })).toString()
  expect(encrypted).not.toMatch(/canary-one/)
})

test('a comment behind an alias that asks for encryption is refused where the file could not be opened again', async () => {
  const written = encrypt(BEHIND, { kind: 'encrypted_comment_regex', pattern: 'seal' })
  await expect(written).rejects.toThrow('cannot be encrypted under encrypted_comment_regex')
})

test('a file with an alias for a key is encrypted, in the layout of SOPS', async () => {
  const encrypted = await encrypt('a: &x name\n\n*x : v\nb: *x\n')
  expect(await decrypt(encrypted)).toBe('a: name\nname: v\nb: name\n')
})

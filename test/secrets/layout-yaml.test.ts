import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { noSops, realSops, type RealSops } from '../support/real-sops.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
let sops: RealSops

beforeAll(async () => {
  sops = await realSops()
})
afterAll(() => sops.close())

const encrypt = async (text: string): Promise<Buffer> =>
  (await encryptSops(Buffer.from(text), { format: 'yaml', recipients: [sops.to], now: NOW })).bytes
const decrypt = async (bytes: Buffer): Promise<string> => (await decryptSops(bytes, sops.identities)).plaintext.text()

/** What sops makes of a text that it has encrypted itself, without comments: where those go is its own affair. */
const sopsPrints = (text: string): string =>
  withoutComments(sops.run('decrypt', 'yaml', sops.run('encrypt', 'yaml', Buffer.from(text), '--age', sops.to)).toString())
const withoutComments = (text: string): string => text.replaceAll(/^ *#.*\n| +#.*$/gm, '').replaceAll(/\n\n+/g, '\n')

const UGLY: Readonly<Record<string, string>> = {
  'blank lines and comments': '\n# head\n\na: x # behind\n\n\n# above b\nb:\n\n  # inside\n  c: 1\n\n  # last of b\n\n# last\n',
  'no line feed at the end': 'a: x\nb:\n  - y\n  - z',
  'carriage returns': 'a: x # c\r\nb:\r\n  - y\r\n\r\n  - |\r\n    l1\r\n    l2\r\nc: z\r\n',
  'lists that are not indented': 'a:\n- x\n- b: y\n  c: z\n- - p\n  - q\n',
  'flow style': 'a: [x, "y", \'z\', 1, true, null, {b: c, "d": "e"}]\nb: { x: 1,\n     y: [ ] } # c\nf: {}\n',
  'flow with text that needs quotes': 'a: ["x, y", "[z]", plain, http://x/y, 1.50, "{{ a }}"]\n',
  'a document in brackets': '{a: x, b: [y, z], c: {d: 1}}\n',
  'a document in brackets on several lines': '{\n  a: x,\n  b: y\n} # c\n',
  'quoted keys': '"a": x\n\'b c\': y\n"d:e": z\n? f\n: g\n',
  'quoted values': "a: \"x\"\nb: 'y'\nc: \"l1\\nl2\"\nd: 'it''s'\ne: \"1\"\nf: 'true'\ng: \"\"\nh: ''\n",
  'numbers as they are spelled': 'a: 1.50\nb: 1e3\nc: +12\nd: 1234567.5\ne: -0\nf: 1.0\ng: .5\nh: 08\ni: 1e21\nj: -0.0\nk: 1000000\n',
  'blocks with every ending':
    'a: |\n  x\n  y\nb: |-\n  x\n  y\nc: |+\n  x\n  y\n\n\nd: |2\n    x\n  y\ne: >-\n  one line\nf: >\n  x\n\n  y\ng: |-\n  x\nh: |+\n  x\n',
  'a kept block at the end': 'a: |+\n  x\n\n\n',
  'blocks in lists': 'a:\n  - |\n    x\n    y\n  - >-\n    z\n  -   |\n      far\n      in\nb:\n- |\n  x\n- y\n',
  'blocks with a comment in their first line': 'a: | # c1\n  x\n  y\nb: >- # c2\n  z\n',
  'blocks indented otherwise than the rest': 'a:\n    b: |\n      two\n      more\n    c: |\n            eight\n            more\n',
  'blocks with blank and indented lines': 'a: |\n  x\n\n    y\n   z\n\nb: c\n',
  'several documents': '---\na: x\n---\n# c\nb: y\n...\n---\nc: z\n',
  'several documents, blank lines between': 'a: x\n\n---\n\nb: y\n\n\n---\n\nc: z\n\n',
  'documents with nothing in them': 'a: x\n---\n---\n# c\n---\nb: y\n',
  'an empty mapping': 'a: x\n---\n{}\n',
  'directives and marks': '%YAML 1.1\n---\na: x\n...\n',
  'text behind the mark': '--- # c\na: x\n',
  'an indented document': '  a: x\n  b:\n    - y\n',
  'tabs behind values': 'a: x\t\nb: "y"\t# c\n',
  'anchors that nothing refers to': 'a: &x y\nb: &z\n  c: d\ne: &q "r"\n',
  'tags that say nothing new': 'a: !!str x\nb: !custom y\nc: !!map\n  d: !!seq\n    - e\n',
  'empty values': 'a:\nb: ~\nc: null\nd: ""\ne:\n  f:\n  g: x\n',
  'a comment behind the last key': 'a: x\nb: y\n# end\n',
  'comments in lists': 'a:\n  # c1\n  - x # c2\n  # c3\n\n  - y\n  # c4\nb: z\n',
  'comments without text, and with blanks behind': 'a: x #\n#\nb: y # c  \n#no blank\n',
  'dates and emoji': 'a: 2020-01-01\nb: 2020-01-01 10:20:30\nc: 2020-01-01T10:20:30+02:00\nd: 😀 x\ne: "😀"\nf: |\n  😀\ng: [😀, \'😀\']\n',
  'many blanks': 'a:    x\nb   : y\nc:\n      d:      z\n',
  'a byte order mark': '\uFEFFa: x\n',
  'eight blanks': 'a:\n        b:\n                c: |\n                        x\n                        y\n',
  'text that looks like something else': 'a: "yes"\nb: "null"\nc: "2020-01-01"\nd: "0777"\ne: "1:30"\nf: "<<"\n',
  'long lines': `a: ${'word '.repeat(60)}end\nb: "${'x'.repeat(300)}"\n`,
  'keys that SOPS leaves in clear': 'a_unencrypted: [x, "y"]\nb_unencrypted: |\n  z\n\nc: d\n',
}

describe('a YAML file comes back byte for byte, and the real sops reads the same in it', () => {
  test.each(Object.entries(UGLY))('%s', async (_, text) => {
    const encrypted = await encrypt(text)
    expect(await decrypt(encrypted)).toBe(text)
    if (noSops !== null) return
    expect(withoutComments(sops.run('decrypt', 'yaml', encrypted).toString())).toBe(sopsPrints(text))
  })
})

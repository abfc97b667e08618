import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newIdentity, parseIdentities, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { faultKind } from '../../lib/secrets/fault.ts'
import { align } from '../../lib/secrets/sops/align.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { branch, item } from '../../lib/secrets/sops/document.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { reencryptSops, rotateSops } from '../../lib/secrets/sops/reencrypt.ts'
import type { SopsFormat } from '../../lib/secrets/sops/file-format.ts'
import type { Content } from '../../lib/secrets/sops/format.ts'
import { newDonors } from '../../lib/secrets/sops/reuse.ts'

const BEFORE = new Date('2026-03-01T12:00:00Z')
const NOW = new Date('2026-03-02T12:00:00Z')

let scratch: string
let identities: AgeIdentity[]
let second: AgeIdentity[]
let to: Recipient
let toSecond: Recipient

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'gitops-reencrypt-'))
  const [one, two] = [await newIdentity(), await newIdentity()]
  identities = await parseIdentities(one.identity.text(), 'keys.txt')
  second = await parseIdentities(two.identity.text(), 'second.txt')
  ;[to, toSecond] = [one.recipient, two.recipient]
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const encrypted = async (text: string, format: SopsFormat, recipients = [to]): Promise<Buffer> =>
  (await encryptSops(Buffer.from(text), { format, recipients, now: BEFORE })).bytes

/** The lines that Git says are new in a file. */
function newLines(old: Buffer, now: Buffer): string[] {
  writeFileSync(join(scratch, 'old'), old)
  writeFileSync(join(scratch, 'new'), now)
  const { stdout } = spawnSync('git', ['diff', '--no-index', '--unified=0', '--minimal', 'old', 'new'], { cwd: scratch, encoding: 'utf8' })
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('+') && !line.startsWith('+++'))
    .map((line) => line.slice(1).trim())
}

/** Names of the keys whose lines are new. */
const newKeys = (old: Buffer, now: Buffer): string[] => newLines(old, now).map((line) => line.replace(/^"?([^":]*)"?:.*$/, '$1'))

const LEAVES = {
  json: '{\n\t"a": "one",\n\t"b": [\n\t\t"x",\n\t\t"z",\n\t\t"x"\n\t],\n\t"c": 3\n}\n',
  yaml: 'a: one\n# remark\nb:\n    - x\n    - z\n    - x\nc: 3\n',
}

for (const format of ['json', 'yaml'] as const) {
  test(`changing one value of a ${format} file changes its line, the MAC and the time, and nothing else`, async () => {
    const old = await encrypted(LEAVES[format], format)
    const plaintext = Buffer.from(LEAVES[format].replace('one', 'two'))
    const next = await reencryptSops(old, plaintext, { identities, now: NOW })
    expect(next).toMatchObject({ changed: true, rekeyed: false })
    expect(newKeys(old, next.bytes)).toEqual(['a', 'lastmodified', 'mac'])
    const again = await decryptSops(next.bytes, identities)
    expect(again.plaintext.text()).toBe(plaintext.toString())
    expect(again.lastModified).toBe('2026-03-02T12:00:00Z')
  })

  test(`encrypting the same ${format} text over a file gives the file itself`, async () => {
    const old = await encrypted(LEAVES[format], format)
    const next = await reencryptSops(old, Buffer.from(LEAVES[format]), { identities, now: NOW })
    expect(next).toMatchObject({ changed: false, encryptedValues: 5 })
    expect(next.bytes.equals(old)).toBe(true)
  })

  test(`a new recipient of a ${format} file changes nothing but the list of recipients`, async () => {
    const old = await encrypted(LEAVES[format], format)
    const next = await reencryptSops(old, Buffer.from(LEAVES[format]), { identities, now: NOW, recipients: [to, toSecond] })
    expect(next).toMatchObject({ changed: true, rekeyed: false, added: [toSecond], removed: [] })
    const lines = newLines(old, next.bytes)
    expect(lines.join('\n')).toContain(toSecond)
    expect(lines.join('\n')).not.toMatch(/mac|lastmodified|type:/)
    expect((await decryptSops(next.bytes, second)).plaintext.text()).toBe(LEAVES[format])
  })

  test(`who is no longer a recipient of a ${format} file does not know its new data key`, async () => {
    const old = await encrypted(LEAVES[format], format, [to, toSecond])
    const next = await reencryptSops(old, Buffer.from(LEAVES[format]), { identities, now: NOW, recipients: [to] })
    expect(next).toMatchObject({ changed: true, rekeyed: true, removed: [toSecond] })
    expect(newLines(old, next.bytes).filter((line) => line.includes('type:str'))).toHaveLength(5)
    const refused: unknown = await decryptSops(next.bytes, second).catch((error: unknown) => error)
    expect(faultKind(refused)).toBe('no-key')
    expect((await decryptSops(next.bytes, identities)).plaintext.text()).toBe(LEAVES[format])
  })

  test(`rotating a ${format} file keeps its text and its readers, and changes every encrypted value`, async () => {
    const old = await encrypted(LEAVES[format], format, [to, toSecond])
    const next = await rotateSops(old, { identities, now: NOW })
    expect(next).toMatchObject({ changed: true, rekeyed: true, added: [], removed: [] })
    const secrets = (bytes: Buffer): string[] => bytes.toString().match(/ENC\[[^\]]*\]/g) ?? []
    expect(secrets(next.bytes).filter((text) => secrets(old).includes(text))).toEqual([])
    for (const each of [identities, second]) expect((await decryptSops(next.bytes, each)).plaintext.text()).toBe(LEAVES[format])
  })
}

test('no two values of a file ever share an IV, nor does a changed value take the one of its predecessor', async () => {
  let file = await encrypted('a: [x, x, x]\nb: x\n', 'yaml')
  const used = new Map<string, string>()
  for (const text of ['a: [x, x, x]\nb: x\n', 'a: [x, y, x]\nb: y\n', 'a: [x, x, x, x]\nb: x\n', 'a: [x]\nb: "1"\n', 'a: [x]\nb: 1\n']) {
    file = (await reencryptSops(file, Buffer.from(text), { identities, now: NOW })).bytes
    const values = [...file.toString().matchAll(/ENC\[.*?iv:([^,]+),.*?\]/g)]
    expect(new Set(values.map(([, iv]) => iv)).size).toBe(values.length)
    for (const [whole, iv = ''] of values) expect(used.get(iv) ?? whole).toBe(whole)
    for (const [whole, iv = ''] of values) used.set(iv, whole)
  }
})

const HAND = `# a file by hand
name:   team   # the team

list: [x, 'y', z]
deep:
- one: 1.50
  # note
  text: |
    first
    second
- one: 1.50
  text: >-
    wrapped
    words
---
other: "value"
...
`

test.each([
  ['a plain value', 'team   #', 'crew   #', ['name:   ENC']],
  ['a quoted value in brackets', "'y'", "'Y'", ['list: [']],
  ['a line of a block', 'second', 'third', ['text: ENC']],
  ['the spelling of a number', '1.50', '1.5', ['- one: ENC']],
  ['a comment', '# note', '# notes', ['#ENC']],
  ['a value of another document', '"value"', '"other"', ['other: "ENC']],
  ['a blank line', 'list:', '\nlist:', ['']],
])('changing %s of a file written by hand changes its line, the MAC and the time', async (_, from, into, changed) => {
  const old = await encrypted(HAND, 'yaml')
  const text = HAND.replace(from, into)
  const next = await reencryptSops(old, Buffer.from(text), { identities, now: NOW })
  const lines = newLines(old, next.bytes)
  const own = lines.filter((line) => !/^(?:mac|lastmodified): /.test(line))
  expect(own.map((line, index) => line.startsWith(changed[index] ?? 'nothing'))).toEqual(changed.map(() => true))
  // Each document has the block.
  expect(lines.length - own.length).toBe(4)
  // What SOPS has no place for comes back in its own words: a text folded by hand.
  const folded = (plain: string): string => plain.replace('>-\n    wrapped\n    words', 'wrapped words')
  expect((await decryptSops(next.bytes, identities)).plaintext.text()).toBe(folded(text))
})

test('rotating a file written by hand changes its values and nothing of its layout', async () => {
  const old = await encrypted(HAND, 'yaml')
  const next = await rotateSops(old, { identities, now: NOW })
  const skeleton = (bytes: Buffer): string =>
    bytes
      .toString()
      .replace(/\nsops:\n(?: .*\n)*/g, '')
      .replaceAll(/NC\[[^\]]*\]/g, 'NC')
  expect(skeleton(next.bytes)).toBe(skeleton(old))
  expect((await decryptSops(next.bytes, identities)).plaintext.text()).toBe((await decryptSops(old, identities)).plaintext.text())
})

test('items that are put into a list, taken out of it or moved change no other line', async () => {
  const lines = (items: readonly string[]): string => `list:\n${items.map((name) => `  - name: ${name}\n    role: reader\n`).join('')}`
  const old = await encrypted(lines(['a', 'b', 'c', 'd']), 'yaml')
  const changes = async (items: readonly string[]): Promise<number> =>
    newLines(old, (await reencryptSops(old, Buffer.from(lines(items)), { identities, now: NOW })).bytes).length - 2
  expect(await changes(['b', 'c', 'd'])).toBe(0)
  expect(await changes(['a', 'c', 'd'])).toBe(0)
  expect(await changes(['a', 'b', 'new', 'c', 'd'])).toBe(2)
  expect(await changes(['d', 'a', 'b', 'c'])).toBe(2)
})

test('a YAML file that sops has laid out stays so when a text of another indentation is encrypted over it', async () => {
  const four = 'a:\n    b: x\n    c:\n        - z\n'
  const old = await encrypted(four, 'yaml')
  const next = await reencryptSops(old, Buffer.from('a:\n  b: x\n  c:\n    - new\n'), { identities, now: NOW })
  expect(newLines(old, next.bytes)).toHaveLength(3)
  expect((await decryptSops(next.bytes, identities)).plaintext.text()).toBe(four.replace('z', 'new'))
})

test('of two lists as many entries are matched in order as can be, and none is used twice', () => {
  const lcs = (one: readonly string[], two: readonly string[]): number => {
    const [a, ...as] = one
    const [b, ...bs] = two
    if (a === undefined || b === undefined) return 0
    return a === b ? 1 + lcs(as, bs) : Math.max(lcs(as, two), lcs(one, bs))
  }
  const names = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 7 })
  fc.assert(
    fc.property(names, names, (old, now) => {
      const aligned = align(old, now)
      const matched = aligned.flatMap((place, index) => (place < 0 ? [] : [[place, index] as const]))
      for (const [place, index] of matched) expect(old[place]).toBe(now[index])
      expect(new Set(matched.map(([place]) => place)).size).toBe(matched.length)
      const inOrder = lcs(
        matched.map(([place]) => String(place)),
        matched
          .map(([place]) => place)
          .toSorted((x, y) => x - y)
          .map(String),
      )
      expect(inOrder).toBe(lcs(old, now))
      for (const name of ['a', 'b', 'c']) {
        const count = (list: readonly string[]): number => list.filter((each) => each === name).length
        expect(matched.filter(([place]) => old[place] === name)).toHaveLength(Math.min(count(old), count(now)))
      }
    }),
  )
})

test('encrypting over a file that nobody here can open, or that was tampered with, is refused', async () => {
  const old = await encrypted(LEAVES.json, 'json')
  const stranger: unknown = await reencryptSops(old, Buffer.from('{}'), { identities: second, now: NOW }).catch((error: unknown) => error)
  expect(faultKind(stranger)).toBe('no-key')
  const cut = Buffer.from(old.toString().replace(/\t"c": [^\n]*\n/, '\t"c": null,\n'))
  const tampered: unknown = await reencryptSops(cut, Buffer.from('{}'), { identities, now: NOW }).catch((error: unknown) => error)
  expect(faultKind(tampered)).toBe('mac')
})

test('a float without a fraction, which prints like an integer, keeps its encrypted text and so its type; one whose digits differ does not', () => {
  const donated = (clear: Content, wanted: Content): string | null => {
    const donors = newDonors()
    donors.heard('OLD', clear, { path: ['e'], comments: [], isComment: false })
    return donors.reuse([branch(item('e', wanted))], () => true)()
  }
  expect(donated(1000, 1000n)).toBe('OLD')
  expect(donated(1000n, 1000)).toBe('OLD')
  expect(donated(1000, 1001n)).toBeNull()
  expect(donated(1000, '1000')).toBeNull()
  // Its MAC would be over another text than the one that opens.
  expect(donated(-0, { kind: 'numeral', value: 0n, text: '-0' })).toBeNull()
})

test('a value that stays in its block, folded or with all its line feeds, gets no blank line when another value changes', async () => {
  const text = 'a: one\nb: >\n  .nan\nc: |+\n  x\nd: >-\n  y\n'
  const old = await encrypted(text, 'yaml')
  const next = await reencryptSops(old, Buffer.from(text.replace('one', 'two')), { identities, now: NOW })
  expect(newKeys(old, next.bytes)).toEqual(['a', 'lastmodified', 'mac'])
  expect((await decryptSops(next.bytes, identities)).plaintext.text()).toBe(text.replace('one', 'two'))
})

import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { GitopsError, sentence } from '../../lib/model/errors.ts'
import { newIdentity, parseIdentities } from '../../lib/secrets/age.ts'
import { faultKind } from '../../lib/secrets/fault.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { branch, comment, item, list, type Branch } from '../../lib/secrets/sops/document.ts'
import { readYaml } from '../../lib/secrets/sops/yaml-read.ts'
import { resolvePlain, TOO_LARGE } from '../../lib/secrets/sops/yaml-scalar.ts'
import { writeYaml } from '../../lib/secrets/sops/yaml-write.ts'
import { bare } from '../support/tree.ts'

const time = (text: string) => ({ kind: 'time', text })

describe('an unquoted scalar means what it means to SOPS', () => {
  test.each([
    ['0777', 511n],
    ['0o17', 15n],
    ['-0x1F', -31n],
    ['0b101', 5n],
    ['1_000', 1000n],
    ['+12', 12n],
    ['08', 8],
    ['1.', 1],
    ['.5', 0.5],
    ['1e3', 1000],
    ['1e400', '1e400'],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['9223372036854775808', TOO_LARGE],
    ['18446744073709551616', 2 ** 64],
    ['-9223372036854775809', -(2 ** 63)],
    ['yes', 'yes'],
    ['TRUE', true],
    ['tRUE', 'tRUE'],
    ['~', null],
    ['', null],
    ['-.INF', -Infinity],
    ['NaN', 'NaN'],
    ['.nan', NaN],
    ['12:30:45', '12:30:45'],
    ['0x1G', '0x1G'],
    ['2020-01-01', time('2020-01-01T00:00:00Z')],
    ['2020-1-2', time('2020-01-02T00:00:00Z')],
    ['2020-02-30', '2020-02-30'],
    ['2001-12-14t21:59:43.10-05:00', time('2001-12-14T21:59:43.1-05:00')],
    ['2001-12-14 21:59:43.10', time('2001-12-14T21:59:43.1Z')],
    ['2001-12-14 21:59:43.10Z', '2001-12-14 21:59:43.10Z'],
    ['2001-12-14T21:59:43', '2001-12-14T21:59:43'],
    ['1.2.3', '1.2.3'],
    ['-', '-'],
  ] as const)('%s', (source, meaning) => {
    expect(resolvePlain(source)).toEqual(meaning)
  })
})

const key = fc.string({ unit: 'binary', maxLength: 6 }).map((text) => text.toWellFormed())
const leaf = fc.oneof(
  key,
  fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\t', '#', ':', '-', '\r', '"', "'", '\u2028', '\ufeff'), maxLength: 10 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(true, false, null, 0.5, -1e-9, 1e21, Infinity, 'yes', '0777', '2020-01-01', '~', '<<'),
  fc.uint8Array({ minLength: 1, maxLength: 90 }).map((bytes) => Buffer.concat([Buffer.from([0xff]), bytes])),
)
const tree = fc.letrec<{ value: unknown; map: Branch }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }).map((items) => list(...(items as never[]))),
    tie('map'),
  ),
  map: fc
    .uniqueArray(fc.tuple(key, tie('value')), { maxLength: 4, selector: ([name]) => name })
    .map((entries) => branch(...entries.filter(([name]) => name !== '<<').map(([name, value]) => item(name, value as never)))),
})).map

test('any document that is written is read as the same document', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (document) => {
      expect(bare(await readYaml(writeYaml([document])))).toEqual(bare([document]))
    }),
    { numRuns: 500 },
  )
})

test('an empty mapping whose comment made SOPS close it at the beginning of a line is read, as is its comment', async () => {
  const printed = 'a:\n    b: {\n        # c\n}\n    d: 1\n'
  expect(bare(await readYaml(printed))).toEqual(bare([branch(item('a', branch(item('b', branch(comment(' c'))), item('d', 1n))))]))
  const twice = 'a:\n    b: {\n        # c\n} # d\n'
  expect(bare(await readYaml(twice))).toEqual(bare([branch(item('a', branch(item('b', branch(comment(' c'))), comment(' d'))))]))
})

test('a file of nothing but a comment keeps it apart from what stands for its emptiness, also when its last line does not end', async () => {
  const { identity, recipient } = await newIdentity()
  const { bytes } = await encryptSops(Buffer.from('# top\n---\n'), { format: 'yaml', recipients: [recipient], now: new Date(0) })
  const asSops = bytes.toString('utf8').replace('---\n"sops":', 'sops:').trimEnd()
  const { plaintext } = await decryptSops(Buffer.from(asSops), await parseIdentities(identity.text(), 'keys.txt'))
  expect(plaintext.text()).toBe('# top\n{}\n')
})

test('a comment behind a collection that ends with a block does not become part of its text', async () => {
  for (const text of ['one\ntwo', 'one\ntwo\n', 'one\n\n']) {
    const inner = branch(item('a', list(text)))
    const read = await readYaml(writeYaml([branch(item('b', list(comment(' c', true), inner)))]))
    // SOPS sees the comment at the foot of the text.
    expect(bare(read)).toEqual(bare([branch(item('b', list(branch(item('a', list(text, comment(' c')))))))]))
  }
})

test('a block at the end of a file without a last line feed holds none', async () => {
  for (const [text, value] of [
    ['a: |\n  b', 'b'],
    ['a: >+\n  b', 'b'],
    ['a: |\n  b ', 'b '],
    ['a: |\n  b\n  ', 'b\n'],
    ['a: |\n  b\n', 'b\n'],
    ['a: |+\n  b\n\n', 'b\n\n'],
  ] as const)
    expect(bare(await readYaml(text))).toEqual(bare([branch(item('a', value))]))
})

test('text in a list that begins with blanks is written so that others read it, which SOPS does not', () => {
  const written = writeYaml([branch(item('a', list('  two blanks\nnone', branch(item('b', ' one\nx'), item('c', '\n y\n')))))])
  expect(parse(written)).toEqual({ a: ['  two blanks\nnone', { b: ' one\nx', c: '\n y\n' }] })
})

test('no comment is lost between encrypting and decrypting, nor left encrypted, also where SOPS loses it', async () => {
  const written = `# c1
a:
  # c2 above a list, whose first item has one too
  - # c3
    x: 1 # c4
    # c5
  - y: 2
  # c6 ends a list of mappings

b: # c7
  # c8
  c:
    d: 1
    # c9 at d
  # c10 at c
# c11
e: [1, 2] # c12
f: | # c13
  text
--- # c14
g: 1
# c15
`
  const { identity, recipient } = await newIdentity()
  const { bytes } = await encryptSops(Buffer.from(written), { format: 'yaml', recipients: [recipient], now: new Date(0) })
  expect(bytes.toString('utf8')).not.toMatch(/# c\d/)
  const { plaintext } = await decryptSops(bytes, await parseIdentities(identity.text(), 'keys.txt'))
  const numbers = (text: string) => [...text.matchAll(/# c(\d+)/g)].map(([, digits]) => Number(digits)).sort((one, two) => one - two)
  expect(numbers(plaintext.text())).toEqual(numbers(written))
  expect(plaintext.text()).not.toContain('ENC[')
})

test('a tab at the beginning of a block is put in quotes, for the reader of SOPS takes it for indentation', () => {
  expect(writeYaml([branch(item('a', '\tb\n'), item('c', 'd\n\te\n'))])).toBe('a: "\\tb\\n"\nc: |\n    d\n    \te\n')
})

describe('what cannot be encrypted as YAML is refused by place, without a word of the text', () => {
  test.each([
    ['a: 1\ncanary: 2\na: 3\n', 'syntax', 'line 3, column 1'],
    ['deep:\n  canary: 1\n  canary: 2\n', 'syntax', 'line 3, column 3'],
    ['a: [canary\nb: 1\n', 'syntax', 'line 2'],
    ['canary: *nothing\n', 'syntax', 'line 1, column 9'],
    ['canary: &x [*x]\n', 'syntax', 'line 1'],
    ['canary: &x {a: *x}\n', 'syntax', 'line 1'],
    ['1: canary\n', 'plaintext', 'line 1, column 1'],
    ['[a]: canary\n', 'syntax', 'line 1'],
    ['canary: 18446744073709551615\n', 'plaintext', 'line 1, column 9'],
    ['canary: !!int x\n', 'syntax', 'line 1'],
    ['- canary\n', 'syntax', ''],
    ['canary\n', 'syntax', ''],
    ['canary: 1\n<<: 2\n', 'syntax', 'line 2, column 1'],
    ['canary: !!binary "*"\n', 'syntax', 'line 1, column 18'],
  ])('%j', async (text, kind, place) => {
    const error: unknown = await readYaml(text).catch((reason: unknown) => reason)
    expect(faultKind(error)).toBe(kind)
    expect(sentence(error as GitopsError)).toContain(place)
    expect(sentence(error as GitopsError)).not.toContain('canary')
  })

  test('aliases that multiply, and nesting without end', async () => {
    const bomb = [
      'a: &a [x,x,x,x,x,x,x,x,x,x]',
      ...'bcdefgh'.split('').map((name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefg'[index]}`).join(',')}]`),
    ]
    expect(faultKind(await readYaml(bomb.join('\n')).catch((reason: unknown) => reason))).toBe('syntax')
    expect(faultKind(await readYaml(`a: ${'['.repeat(20_000)}`).catch((reason: unknown) => reason))).toBe('syntax')
    expect(faultKind(await readYaml(`a: ${'{a: '.repeat(20_000)}`).catch((reason: unknown) => reason))).toBe('syntax')
  })
})

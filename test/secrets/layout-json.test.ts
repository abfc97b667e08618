import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { writeJson } from '../../lib/secrets/sops/json-write.ts'
import { readJson } from '../../lib/secrets/sops/json.ts'
import { reencryptSops } from '../../lib/secrets/sops/reencrypt.ts'
import { noSops, realSops, type RealSops } from '../support/real-sops.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
let sops: RealSops

beforeAll(async () => {
  sops = await realSops()
})
afterAll(() => sops.close())

const encrypt = async (text: string): Promise<Buffer> =>
  (await encryptSops(Buffer.from(text), { format: 'json', recipients: [sops.to], now: NOW })).bytes
const decrypt = async (bytes: Buffer): Promise<string> => (await decryptSops(bytes, sops.identities)).plaintext.text()
/** What sops makes of a text that it has encrypted itself. */
const sopsPrints = (text: string): string =>
  sops.run('decrypt', 'json', sops.run('encrypt', 'json', Buffer.from(text), '--age', sops.to)).toString()

const UGLY: Readonly<Record<string, string>> = {
  'one line': '{"a":1,"b":["x",{"c":null}],"d":{}}',
  'two blanks, no line feed at the end': '{\n  "a": "x",\n  "b": [\n    1,\n    2\n  ]\n}',
  'carriage returns': '{\r\n  "a": "x",\r\n\r\n  "b": {\r\n    "c": true\r\n  }\r\n}\r\n',
  'blank lines and lists on a line': '\n\n{\n\n    "a" : [ "x" , "y" ],\n\n\n    "b": "z"   \n\n}\n\n',
  'members in the line of the brace': '{ "a": 1,\n  "b": 2 }\n',
  'no indentation': '{\n"a": "x",\n"b": "y"\n}\n',
  'no members': '{}\n',
  'no members but blanks': '{ \n\n }\n',
  'the same key twice': '{"a": "x", "a": "y"}',
  'spelled numbers':
    '[1.50, 1e3, 1E+3, -0, -0.0, 0.0, 1.0, 1e21, 1000000000000000000000, 0.0000001, 123456789.125, 9007199254740993, 1e-7]',
  'strings as Python, Go and PHP spell them':
    '{"p": "\\u00e9 \\ud83d\\ude00", "g": "a \\u0026\\u0026 b \\u2028", "h": "http:\\/\\/x\\/\\u00e9", "u": "é/"}',
  'keys and values with signs that SOPS escapes': '{"a<b": "<&>", "c": "a && b", "d": "\u2028"}',
}

describe('a JSON file comes back byte for byte, and the real sops reads the same in it', () => {
  test.each(Object.entries(UGLY))('%s', async (_, given) => {
    const text = given.startsWith('[') ? `{"list": ${given}}` : given
    const encrypted = await encrypt(text)
    expect(await decrypt(encrypted)).toBe(text)
    if (noSops !== null) return
    expect(sops.run('decrypt', 'json', encrypted).toString()).toBe(sopsPrints(text))
  })

  const blank = fc.constantFrom('', ' ', '\n', '\n  ', '\t', '\r\n', '\n\n    ')
  const number = fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc
      .tuple(fc.constantFrom('', '-'), fc.nat(99), fc.constantFrom('', '.0', '.50', '.125'), fc.constantFrom('', 'e0', 'E+3', 'e-12'))
      .map((parts) => parts.join('')),
  )
  const text = fc.string({ unit: fc.constantFrom('a', '<', '&', '"', '\\', '\n', 'é', '😀', '\u2028', '/', '}'), maxLength: 6 })
  const document = fc.letrec<{ value: string; object: string }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      text.map((value) => JSON.stringify(value)),
      number,
      fc.constantFrom('true', 'false', 'null', '{}', '[]', '""'),
      fc
        .tuple(
          fc.array(
            fc.tuple(blank, tie('value'), blank).map((parts) => parts.join('')),
            { maxLength: 4 },
          ),
        )
        .map(([items]) => `[${items.join(',')}]`),
      tie('object'),
    ),
    object: fc
      .array(
        fc
          .tuple(blank, text, blank, blank, tie('value'), blank)
          .map(([a, key, b, c, value, d]) => `${a}${JSON.stringify(key)}${b}:${c}${value}${d}`),
        { maxLength: 4 },
      )
      .map((members) => `{${members.join(',')}}`),
  })).object

  test('any text that is JSON', async () => {
    await fc.assert(
      fc.asyncProperty(blank, document, blank, async (before, body, after) => {
        const given = before + body + after
        expect(await decrypt(await encrypt(given))).toBe(given)
      }),
      { numRuns: 150 },
    )
  })

  test('any text that is JSON, as the real sops sees it', async ({ skip }) => {
    skip(noSops !== null, noSops ?? '')
    await fc.assert(
      fc.asyncProperty(document, async (body) => {
        expect(sops.run('decrypt', 'json', await encrypt(body)).toString()).toBe(sopsPrints(body))
      }),
      { numRuns: 15 },
    )
  })
})

test('a file that sops made stays as sops lays it out when a text of another indentation is encrypted over it', async () => {
  const made = { a: 'x', b: ['y', 'z'], c: { d: '<&>', e_unencrypted: '<&>' } }
  const text = JSON.stringify(made, null, 2)
  // As SOPS makes it: escapes in what is in clear, and none that tell anything in what is encrypted.
  const asSops = (json: string): string =>
    writeJson(readJson(json), { indent: '\t', escapes: true }).replace('"d": "\\u003c\\u0026\\u003e"', '"d": "<&>"')
  const old = await encrypt(asSops(text))
  const changed = text.replace('"y"', '"new"')
  const next = await reencryptSops(old, Buffer.from(`${changed}\n`), { identities: sops.identities, now: NOW })
  const lines = (bytes: Buffer): string[] => bytes.toString().split('\n')
  const fresh = lines(next.bytes).filter((line) => !lines(old).includes(line))
  expect(fresh).toHaveLength(2)
  expect(fresh.join()).toContain('"mac"')
  expect(await decrypt(next.bytes)).toBe(asSops(changed))
  const same = await reencryptSops(old, Buffer.from(`${text}\n`), { identities: sops.identities, now: NOW })
  expect(same.changed).toBe(false)
})

test('what an author changes in the layout of a JSON file stays changed', async () => {
  const old = await encrypt('{\n  "a": "x",\n  "b": ["y"]\n}\n')
  const text = '{\n  "a": "x",\n\n  "b": ["y"]\n}\n'
  const next = await reencryptSops(old, Buffer.from(text), { identities: sops.identities, now: NOW })
  expect(next.changed).toBe(true)
  expect(await decrypt(next.bytes)).toBe(text)
})

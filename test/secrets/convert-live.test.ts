import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newIdentity, parseIdentities, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { sopsExitCode } from '../../lib/secrets/fault.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { SOPS_FORMATS, type SopsFormat } from '../../lib/secrets/sops/file-format.ts'
import { buildOracle, BUILD_TIME, startOracle, type Build, type Oracle } from '../support/oracle.ts'

const NOW = new Date('2026-03-01T12:00:00Z')
/** To sops, quotes and a backslash at the end of a line are INI as they are; to its own reader they are not. */
const QUOTES = '{"s": {"a_unencrypted": "\\"x\\"", "b_unencrypted": "y\\\\", "c_unencrypted": false}}'
const TEXTS: Readonly<Record<SopsFormat, readonly string[]>> = {
  json: [
    '{"a": "x", "n": 5, "f": 1.5, "g": 1e30, "h": 1e-9, "w": 1.0, "t": true, "e": "", "m": "l\\nm", "u": "é 😀"}',
    '{"a": {"b": "c", "n": 5, "t": true, "q": "x;y", "p": " z ", "m": "l\\nm"}, "d": {}}',
    '{"a": null}',
    '{"a": {"b": null}}',
    '{"a": [1, {"b": "c"}]}',
    '{"a": {"b": ["c"]}}',
    '{"data": "x"}',
    '{"data": 5}',
    '{"data": "x", "more": 1}',
    '{}',
    '{"a=b": "c"}',
    '{"a": "c:\\\\new"}',
    '{"a": 1, "a": 2}',
    '{"a_unencrypted": true, "b_unencrypted": 1.0, "c_unencrypted": "x\\\\ny"}',
    QUOTES,
  ],
  yaml: [
    '# c\na: x # i\n# d\nb: 2020-01-01\nc: 0777\nd: 1.50\n',
    'a: .inf\nb: .nan\n',
    'a: 1\n---\nb: 2\n',
    's:\n  # one\n  k: v\n  # two\n  l: w # three\n',
    'a: !!binary /////w==\n',
    'a: |\n  x\n  y\n',
    'data: hello\n',
    'a_unencrypted: 1_000\nb_unencrypted: 2020-01-01\nc_unencrypted: .5\n',
    's:\n  k_unencrypted: True\n  l_unencrypted: 1.50\n',
  ],
  dotenv: ['# c\nA=b\nB=l\\nm\nC=5\nD=\n', 'A=b\nA=c\n', ' x y =z\r\n', 'data=hello\n', ''],
  ini: ['; c\n[s]\nk = v\n; d\nl = 5\n[t]\n', 'k = v\n', '[s]\na = """x\ny"""\n', '[s]\nk=v\n[s]\nl=w\n', '; a\n# b\n[s]\nk = v\n', ''],
  binary: ['hello\n', '{"a": 1}', ''],
}
/** Where sops writes what nobody reads as it was, or leaves out documents; ours says so instead, with the code for what a format cannot hold. */
const STRICTER = /is null$|is a list$|is a mapping$|has characters that a name|documents and it holds|is there twice$|is not text in UTF-8$/

let build: Build = { program: null, reason: '' }
let oracle: Oracle | undefined
let scratch: string
let identity: string
let identities: AgeIdentity[]
let to: Recipient

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'gitops-convert-'))
  const made = await newIdentity()
  identity = made.identity.text()
  identities = await parseIdentities(identity, 'keys.txt')
  to = made.recipient
  build = buildOracle()
  if (build.program !== null) oracle = startOracle(build, scratch)
}, BUILD_TIME)

afterAll(() => {
  oracle?.end()
  rmSync(scratch, { recursive: true, force: true })
})

interface Outcome {
  readonly code: number | null
  readonly bytes: Buffer
  readonly message: string
}

async function outcome(made: Promise<Buffer>): Promise<Outcome> {
  try {
    return { code: 0, bytes: await made, message: '' }
  } catch (error) {
    return { code: sopsExitCode(error), bytes: Buffer.alloc(0), message: (error as Error).message }
  }
}

const encrypt = (text: string, input: SopsFormat, format: SopsFormat): Promise<Outcome> =>
  outcome(encryptSops(Buffer.from(text), { input, format, recipients: [to], now: NOW }).then(({ bytes }) => bytes))
const decrypt = (bytes: Uint8Array, format: SopsFormat, output: SopsFormat): Promise<Outcome> =>
  outcome(decryptSops(bytes, identities, { format, output }).then(({ plaintext }) => plaintext.bytes()))

const PAIRS = SOPS_FORMATS.flatMap((from) => SOPS_FORMATS.filter((other) => other !== from).map((into) => ({ from, into })))

describe.each(PAIRS)('$from into $into', ({ from, into }) => {
  const real = (): Oracle => {
    if (oracle === undefined) throw new Error(build.reason)
    return oracle
  }

  test('is decrypted to what sops prints, or refused with its code', async ({ skip }) => {
    skip(oracle === undefined, build.reason)
    for (const text of TEXTS[from].filter((one) => one !== QUOTES)) {
      const { bytes } = await encrypt(text, from, from)
      const theirs = await real().ask({ op: 'decrypt', format: from, output: into, bytes, identity })
      const ours = await decrypt(bytes, from, into)
      if (ours.code === 4 && STRICTER.test(ours.message)) continue
      expect([ours.code, ours.bytes.toString('utf8')], text).toEqual([theirs.code, unescaped(theirs.bytes, into)])
    }
  })

  test('is encrypted to what sops decrypts to the same as what it has encrypted itself', async ({ skip }) => {
    skip(oracle === undefined, build.reason)
    for (const text of TEXTS[from]) {
      const theirs = await real().ask({ op: 'encrypt', format: from, output: into, bytes: Buffer.from(text), age: to })
      const ours = await encrypt(text, from, into)
      if (ours.code === 4 && STRICTER.test(ours.message)) continue
      expect(ours.code, text).toBe(theirs.code)
      if (ours.code !== 0) continue
      // The envelope of a binary file holds any JSON when something else is put into it.
      const format = into === 'binary' ? 'json' : into
      const [one, two] = await Promise.all(
        [ours.bytes, theirs.bytes].map((bytes) => real().ask({ op: 'decrypt', format, bytes, identity })),
      )
      // It refuses some of what it has converted itself: a value in clear is another one in the other format.
      if (two?.code === 51 && text.includes('_unencrypted')) expect(one?.code, text).toBe(0)
      else expect([one?.code, one?.bytes.toString('utf8')], text).toEqual([two?.code, two?.bytes.toString('utf8')])
    }
  })
})

/** Ours escapes no more than JSON needs. */
function unescaped(bytes: Buffer, format: SopsFormat): string {
  const text = bytes.toString('utf8')
  return format === 'json' ? text.replaceAll(String.raw`\ufffd`, '\uFFFD') : text
}

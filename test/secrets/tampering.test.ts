import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sopsExitCode } from '../../lib/secrets/fault.ts'
import { parseIdentities, recipient, type AgeIdentity } from '../../lib/secrets/age.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { sameTree } from '../support/interop.ts'
import { dotenvText, iniText } from '../support/flat-texts.ts'
import { jsonText } from '../support/json-texts.ts'
import { BUILD_TIME, buildOracle, startOracle, type Build, type Oracle, type OracleFormat } from '../support/oracle.ts'
import { propertySeed } from '../support/random.ts'
import { tampering } from '../support/tampering.ts'
import { yamlText } from '../support/yaml-texts.ts'

/*
 * Whoever changes an encrypted file is noticed by us whenever sops notices, with the exit code of sops. Where we notice
 * more than sops:
 *
 * | what                                             | sops                            | we                               |
 * | a field of the block that is there twice (JSON)  | takes the last                  | refuse it: readers differ        |
 * | text behind the end of a JSON document           | passes over it                  | refuse it                        |
 * | base64 whose last bits mean nothing              | takes it                        | refuse it: one value, one text   |
 * | a selector that does not compile                 | takes it for "matches nothing"  | refuse it (corpus.test.ts)       |
 * | a selector that takes for ever, an alias bomb    | RE2; limits of its parser       | RE2; limits (bounded.test.ts)    |
 * | INI that sops reads, and would write otherwise   | changes it                      | refuse it                        |
 * | a value of the type `bytes`, which none writes   | crashes                         | refuse it, as changed            |
 * | an alias of an earlier document                  | follows it                      | refuse it: no YAML               |
 */
const STRICTER = /is there twice|there is text behind the end|this alias stands for nothing/
const KEPT = /INI that SOPS can keep|SOPS would keep/
const CORPUS = resolve(import.meta.dirname, '../fixtures/sops')
const RUNS = Number(process.env['GITOPS_RUNS'] ?? 250)
const LIMIT = 20_000 + RUNS * 30

let built: Build
let oracle: Oracle
let home: string
let identities: readonly AgeIdentity[]
let identity: string

beforeAll(async () => {
  built = buildOracle()
  home = mkdtempSync(join(tmpdir(), 'gitops-tampering-'))
  const text = readFileSync(join(CORPUS, 'reader.identity'), 'utf8')
  identities = await parseIdentities(text, 'reader.identity')
  identity = text.replaceAll(/^#.*\n/gm, '')
  if (built.program !== null) oracle = startOracle(built, home)
}, BUILD_TIME)

afterAll(() => {
  oracle?.end()
  rmSync(home, { recursive: true, force: true })
})

/** Throws when we take what sops refuses, when our code is another, or when we refuse more than the table says. */
async function compare(name: string, format: OracleFormat, before: string, text: string): Promise<number> {
  const bytes = Buffer.from(text)
  const [theirs, ours] = await Promise.all([
    oracle.ask({ op: 'decrypt', format, identity, bytes }),
    decryptSops(bytes, identities, { format }).then(
      ({ plaintext }) => ({ code: 0, message: '', bytes: plaintext.bytes() }),
      (error: Error) => ({ code: sopsExitCode(error), message: error.message, bytes: Buffer.alloc(0) }),
    ),
  ])
  const stricter = KEPT.test(ours.message) || (theirs.code === 0 && (STRICTER.test(ours.message) || canonical(text) === canonical(before)))
  // What sops cannot print (4) or crashes on (2) is a fault of its own, but nothing that we take.
  if (theirs.code === 2 && ours.code === 0) expect.fail(`${name}: sops crashes; we take it\n${text}`)
  if (ours.code !== theirs.code && !stricter && theirs.code !== 4 && theirs.code !== 2)
    expect.fail(`${name}: sops ${theirs.code} ${theirs.error}; ours ${ours.code} ${ours.message}\n${text}`)
  if (ours.code === 0 && theirs.code === 0 && !ours.bytes.equals(theirs.bytes) && format !== 'binary') {
    const loaded = await oracle.ask({ op: 'load', format, bytes: ours.bytes })
    expect(sameTree(theirs, loaded), `${name}: another tree\n${text}\n${ours.bytes.toString()}`).toBe(true)
  }
  return theirs.code
}

/** The text with every base64 as an encoder writes it. */
function canonical(text: string): string {
  return text.replaceAll(
    /(data|iv|tag):([^,\]]+)/g,
    (_, name: string, value: string) => `${name}:${Buffer.from(value, 'base64').toString('base64')}`,
  )
}

/** How many of the changed files sops refused with each code, so that a test in which all are refused alike does not pass. */
function expectVaried(codes: ReadonlyMap<number, number>): void {
  for (const code of [0, 1, 25, 51]) expect(codes.get(code) ?? 0, `code ${code}`).toBeGreaterThan(RUNS / 50)
  if (process.env['GITOPS_RUNS'] !== undefined)
    console.log(`exit codes of sops: ${JSON.stringify([...codes])} (GITOPS_TEST_SEED=${propertySeed})`)
}

interface Case {
  readonly file: string
  readonly format: OracleFormat
  readonly plain?: string
}

test('a value whose type was made one that sops crashes on counts as changed, in every format', async () => {
  const to = await Promise.all(identities.slice(0, 1).map(({ name }) => recipient(name)))
  for (const [format, plain] of [
    ['json', '{"a": "text"}'],
    ['yaml', 'a: text\n'],
    ['dotenv', 'a=text\n'],
    ['ini', '[a]\nb = text\n'],
    ['binary', 'text'],
  ] as const) {
    const { bytes } = await encryptSops(Buffer.from(plain), { format, recipients: to, now: new Date() })
    const changed = Buffer.from(bytes.toString().replace('type:str', 'type:bytes'))
    const code = await decryptSops(changed, identities, { format }).then(() => 0, sopsExitCode)
    expect(code, format).toBe(25)
  }
})

describe('whoever changes an encrypted file is noticed whenever sops notices, with the same exit code', () => {
  test(
    'in the files of the corpus',
    async ({ skip }) => {
      skip(built.program === null, built.reason)
      const all = JSON.parse(readFileSync(join(CORPUS, 'cases.json'), 'utf8')) as Case[]
      const cases = all.flatMap(({ file, format, plain }) =>
        plain !== undefined ? [{ format, file, text: readFileSync(join(CORPUS, file), 'utf8') }] : [],
      )
      const codes = new Map<number, number>()
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...cases), tampering, async ({ format, text: before, file }, change) => {
          const { name, text } = change(before)
          if (text === before) return
          const code = await compare(`${name} in ${file}`, format, before, text)
          codes.set(code, (codes.get(code) ?? 0) + 1)
        }),
        { numRuns: RUNS, interruptAfterTimeLimit: LIMIT, markInterruptAsFailure: true },
      )
      expectVaried(codes)
    },
    2 * LIMIT,
  )

  test(
    'in files that sops made of random documents',
    async ({ skip }) => {
      skip(built.program === null, built.reason)
      const to = await recipient(identities[0]?.name ?? '')
      const codes = new Map<number, number>()
      const documents = fc.oneof(
        jsonText.map((text) => ({ format: 'json' as const, text })),
        yamlText.map((text) => ({ format: 'yaml' as const, text })),
        dotenvText.map((text) => ({ format: 'dotenv' as const, text })),
        iniText.map((text) => ({ format: 'ini' as const, text })),
      )
      const rule = fc.constantFrom(
        {},
        {},
        { rule: 'encrypted_regex', value: '[a-m]' },
        { rule: 'encrypted_suffix', value: 'a', macOnlyEncrypted: true },
      )
      await fc.assert(
        fc.asyncProperty(documents, rule, tampering, async ({ format, text: plaintext }, options, change) => {
          const encrypted = await oracle.ask({ op: 'encrypt', format, bytes: Buffer.from(plaintext), age: to, ...options })
          const before = encrypted.bytes.toString()
          if (encrypted.code !== 0 || (await oracle.ask({ op: 'decrypt', format, identity, bytes: encrypted.bytes })).code !== 0) return
          const { name, text } = change(before)
          if (text === before) return
          const code = await compare(name, format, before, text)
          codes.set(code, (codes.get(code) ?? 0) + 1)
        }),
        { numRuns: RUNS, interruptAfterTimeLimit: LIMIT, markInterruptAsFailure: true },
      )
      expectVaried(codes)
    },
    2 * LIMIT,
  )
})

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newIdentity, parseIdentities } from '../../lib/secrets/age.ts'
import type { Rule } from '../../lib/secrets/sops/rules.ts'
import { oursToTheirs, theirsToOurs, type Bridge, type TheirOptions, type Verdict } from '../support/interop.ts'
import { dotenvText, iniText } from '../support/flat-texts.ts'
import { jsonText } from '../support/json-texts.ts'
import { BUILD_TIME, buildOracle, startOracle, type Build } from '../support/oracle.ts'
import { propertySeed } from '../support/random.ts'
import { yamlText } from '../support/yaml-texts.ts'

/** Documents for each test; `npm run test:interop` asks for thousands. */
const RUNS = Number(process.env['GITOPS_RUNS'] ?? 100)

/** Milliseconds for one test, also when it fails and looks for the smallest document that does. */
const LIMIT = 20_000 + RUNS * 30

let built: Build
let bridge: Omit<Bridge, 'format'>
let home: string

beforeAll(async () => {
  built = buildOracle()
  home = mkdtempSync(join(tmpdir(), 'gitops-property-'))
  const made = await newIdentity()
  const [identity, recipient] = [made.identity.text(), made.recipient]
  const identities = await parseIdentities(identity, 'keys.txt')
  if (built.program !== null) bridge = { oracle: startOracle(built, home), identities, identity, recipient }
}, BUILD_TIME)

afterAll(() => {
  bridge?.oracle.end()
  rmSync(home, { recursive: true, force: true })
})

/** The rules, as sops is told them and as we are. */
const rules: { readonly theirs: TheirOptions; readonly ours: { rule?: Rule; macOnlyEncrypted?: boolean } }[] = [
  { theirs: {}, ours: {} },
  ...(['encrypted_regex', 'unencrypted_regex'] as const).map((kind) => ({
    theirs: { rule: kind, value: '[a-m]|^[0-9]' },
    ours: { rule: { kind, pattern: '[a-m]|^[0-9]' } },
  })),
  { theirs: { rule: 'encrypted_suffix', value: 'a' }, ours: { rule: { kind: 'encrypted_suffix', suffix: 'a' } } },
  {
    theirs: { rule: 'encrypted_suffix', value: 'y', macOnlyEncrypted: true },
    ours: { rule: { kind: 'encrypted_suffix', suffix: 'y' }, macOnlyEncrypted: true },
  },
]
const rule = fc.oneof({ weight: 3, arbitrary: fc.constant(rules[0]) }, fc.constantFrom(...rules))

/** Line separators of YAML 1.1, raw in the text: the YAML library of sops folds them to blanks, which other libraries do not. */
const MISREAD = /[\u0085\u2028\u2029]/

/** Carries documents over and counts what they showed, so that a test in which nothing gets across does not pass. */
async function carry<T>(texts: fc.Arbitrary<T>, over: (text: T, how: (typeof rules)[number]) => Promise<Verdict>): Promise<void> {
  const counts = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(texts, rule, async (text, how) => {
      const verdict = await over(text, how ?? { theirs: {}, ours: {} })
      if ('wrong' in verdict) expect.fail([verdict.wrong, ...verdict.shown].join('\n-----\n'))
      counts.set(verdict.fine, (counts.get(verdict.fine) ?? 0) + 1)
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: LIMIT, markInterruptAsFailure: true },
  )
  if (process.env['GITOPS_RUNS'] !== undefined) {
    const told = [...counts].map(([fine, count]) => `${fine}: ${count}`).join(', ')
    console.log(`${expect.getState().currentTestName}\n  ${told} (GITOPS_TEST_SEED=${propertySeed})`)
  }
  expect(counts.get('both') ?? 0).toBeGreaterThan(RUNS / 2)
}

describe.each([
  ['JSON', 'json', jsonText],
  ['YAML', 'yaml', yamlText.filter((text) => !MISREAD.test(text))],
  ['dotenv', 'dotenv', dotenvText],
  ['INI', 'ini', iniText],
] as const)('%s in any layout', (name, format, texts) => {
  test(
    `what we encrypt, sops decrypts to what it sees in the plaintext itself (${name})`,
    async ({ skip }) => {
      skip(built.program === null, built.reason)
      await carry(texts, (text, { ours }) => oursToTheirs({ ...bridge, format }, Buffer.from(text), ours))
    },
    2 * LIMIT,
  )

  test(
    `what sops encrypts, we decrypt to a text that holds what sops decrypts (${name})`,
    async ({ skip }) => {
      skip(built.program === null, built.reason)
      await carry(texts, (text, { theirs }) => theirsToOurs({ ...bridge, format }, Buffer.from(text), theirs))
    },
    2 * LIMIT,
  )
})

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 3000 }),
  fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  jsonText.map((text) => Buffer.from(text)),
)

describe('any bytes in a binary envelope', () => {
  test(
    'come back from sops when we encrypt them, and from us when sops does',
    async ({ skip }) => {
      skip(built.program === null, built.reason)
      await carry(bytes, async (plaintext) => {
        const there = await oursToTheirs({ ...bridge, format: 'binary' }, Buffer.from(plaintext))
        return 'wrong' in there ? there : theirsToOurs({ ...bridge, format: 'binary' }, Buffer.from(plaintext))
      })
    },
    2 * LIMIT,
  )
})

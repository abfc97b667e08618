import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newIdentity, parseIdentities, unwrap, wrap, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { writeJson } from '../../lib/secrets/sops/json-write.ts'
import { readJson } from '../../lib/secrets/sops/json.ts'
import { bare } from '../support/tree.ts'

/** Real tools are asked where they are there: `sops` on PATH or in GITOPS_SOPS, `age` on PATH. */
const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const NOW = new Date('2026-03-01T12:00:00Z')

let scratch: string
let identities: AgeIdentity[]
let to: Recipient

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'gitops-live-'))
  const made = await newIdentity()
  writeFileSync(join(scratch, 'keys.txt'), `${made.identity.text()}\n`, { mode: 0o600 })
  identities = await parseIdentities(made.identity.text(), 'keys.txt')
  to = made.recipient
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const has = (tool: string, ...args: string[]): boolean => spawnSync(tool, args, { stdio: 'ignore' }).status === 0

/** Runs the real `sops` on bytes, with the format said. */
function sops(verb: 'encrypt' | 'decrypt', format: string, bytes: Buffer, ...more: string[]): Buffer {
  const file = join(scratch, 'file')
  writeFileSync(file, bytes)
  const args = [verb, '--input-type', format, '--output-type', format, ...more, file]
  return execFileSync(SOPS, args, {
    cwd: scratch,
    env: { PATH: process.env['PATH'], HOME: scratch, SOPS_AGE_KEY_FILE: join(scratch, 'keys.txt') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/**
 * Where SOPS prints YAML that other readers, or itself, read as something else, ours is right and so not equal: line
 * separators of YAML 1.1, and block scalars that begin with a blank.
 */
const misprinted = (value: string): boolean => /[\u0085\u2028\u2029]/.test(value) || (/^[ \t\n]/.test(value) && value.includes('\n'))
const PIECES = ['a', ' ', '\n', '-', ':', '#', "'", '"', '\\', '\t', '|', '!', '0', '1', '.', 'e', '_', 'é', '😀', '\r']
const WORDS = [
  'true',
  'null',
  '~',
  'yes',
  'y',
  '0777',
  '1_000',
  '0x1F',
  '1e3',
  '2020-01-01',
  '1:30',
  '.5',
  '.inf',
  '-0',
  '---',
  '...',
  '<<',
  '',
]
const text = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 12 }).map((value) => value.toWellFormed()),
    fc.string({ unit: fc.constantFrom(...PIECES), maxLength: 8 }),
    fc.constantFrom(...WORDS, '__proto__', 'constructor', '1', '10'),
  )
  .filter((value) => !misprinted(value))
// `sops` is taken, and `<<` is a merge in YAML, which wants a mapping.
const key = text.filter((name) => name !== 'sops' && name !== '<<')
const number = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (Object.is(value, -0) ? '0' : String(value))),
)
/** JSON text, so that no plain object loses order, duplicates or digits. */
const json = fc.letrec<{ value: string; object: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    text.map((value) => JSON.stringify(value)),
    number,
    fc.constantFrom('true', 'false', 'null', '{}', '[]', '""'),
    fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
    tie('object'),
  ),
  object: fc
    .uniqueArray(fc.tuple(key, tie('value')), { maxLength: 5, selector: ([name]) => name })
    .map((entries) => `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`),
})).object

describe('the real sops and ours read each other', () => {
  for (const format of ['json', 'yaml'] as const) {
    test(`any ${format} document that we encrypt, sops decrypts to the same document, and we to the same bytes`, async ({ skip }) => {
      skip(!has(SOPS, '--version'), 'there is no sops here')
      await fc.assert(
        fc.asyncProperty(json, async (document) => {
          const plaintext = await inFormat(document, format)
          const { bytes } = await encryptSops(plaintext, { format, recipients: [to], now: NOW })
          const ours = await decryptSops(bytes, identities, { format })
          expect(ours.plaintext.text()).toBe(plaintext.toString('utf8'))
          const theirs = sops('decrypt', format, bytes).toString('utf8')
          expect(await tree(theirs, format)).toEqual(await tree(ours.plaintext.text(), format))
        }),
        { numRuns: 25 },
      )
    })

    test(`any ${format} document that sops encrypts, we decrypt to what sops decrypts it to`, async ({ skip }) => {
      skip(!has(SOPS, '--version'), 'there is no sops here')
      await fc.assert(
        fc.asyncProperty(json, fc.constantFrom([], ['--unencrypted-regex', '[a-m]']), async (document, rule) => {
          const bytes = sops('encrypt', format, await inFormat(document, format), '--age', to, ...rule)
          const ours = await decryptSops(bytes, identities, { format })
          const theirs = sops('decrypt', format, bytes).toString('utf8')
          if (format === 'yaml') expect(ours.plaintext.text()).toBe(theirs)
          else expect(writeJson(readJson(ours.plaintext.text()), { indent: '\t', escapes: true })).toBe(theirs)
        }),
        { numRuns: 25 },
      )
    })
  }

  test('any bytes in a binary envelope come back from either side', async ({ skip }) => {
    skip(!has(SOPS, '--version'), 'there is no sops here')
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const plaintext = Buffer.from(bytes)
        const ours = await encryptSops(plaintext, { format: 'binary', recipients: [to], now: NOW })
        expect(sops('decrypt', 'binary', ours.bytes).equals(plaintext)).toBe(true)
        const theirs = sops('encrypt', 'binary', plaintext, '--age', to)
        expect((await decryptSops(theirs, identities, { format: 'binary' })).plaintext.bytes().equals(plaintext)).toBe(true)
      }),
      { numRuns: 20 },
    )
  })
})

test('age itself opens what we wrap, and we open what age wraps', async ({ skip }) => {
  skip(!has('age', '--version'), 'there is no age here')
  const secret = Buffer.from('thirty-two bytes of a data key..')
  const opened = execFileSync('age', ['--decrypt', '-i', join(scratch, 'keys.txt')], { input: await wrap(secret, to) })
  expect(opened.equals(secret)).toBe(true)
  const theirs = execFileSync('age', ['--armor', '-r', to], { input: secret, encoding: 'utf8' })
  expect(Buffer.from((await unwrap(theirs, identities)) ?? []).equals(secret)).toBe(true)
})

/** JSON is YAML but for what its strings may hold, so YAML is written by ours, which then is under test as well. */
async function inFormat(document: string, format: 'json' | 'yaml'): Promise<Buffer> {
  if (format === 'json') return Buffer.from(document)
  const { writeYaml } = await import('../../lib/secrets/sops/yaml-write.ts')
  return Buffer.from(writeYaml([readJson(document)]))
}

async function tree(text: string, format: 'json' | 'yaml'): Promise<unknown> {
  const { readYaml } = await import('../../lib/secrets/sops/yaml-read.ts')
  return bare(format === 'json' ? [readJson(text)] : await readYaml(text))
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { newIdentity, parseIdentities, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'
import { encryptSops } from '../../lib/secrets/sops/encrypt.ts'
import { reencryptSops } from '../../lib/secrets/sops/reencrypt.ts'
import { sameTree } from '../support/interop.ts'
import { BUILD_TIME, buildOracle, startOracle, type Build, type Oracle } from '../support/oracle.ts'

const RUNS = Number(process.env['GITOPS_RUNS'] ?? 60)
const LIMIT = 20_000 + RUNS * 30

let built: Build
let oracle: Oracle
let home: string
let identities: readonly AgeIdentity[]
let identity: string
let to: Recipient

beforeAll(async () => {
  built = buildOracle()
  home = mkdtempSync(join(tmpdir(), 'gitops-next-'))
  const made = await newIdentity()
  ;[identity, to] = [made.identity.text(), made.recipient]
  identities = await parseIdentities(identity, 'keys.txt')
  if (built.program !== null) oracle = startOracle(built, home)
}, BUILD_TIME)

afterAll(() => {
  oracle?.end()
  rmSync(home, { recursive: true, force: true })
})

type Tree = { [key: string]: string | number | boolean | null | Tree }

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'x_unencrypted')
const leaf = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.integer(),
  fc.boolean(),
  fc.constantFrom(null, '', 'two\nlines\n', 'yes', '0777', 1.5),
)
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.dictionary(name, fc.oneof({ maxDepth: 3 }, { weight: 4, arbitrary: leaf }, { weight: 1, arbitrary: tie('tree') }), {
    noNullPrototype: true,
    maxKeys: 6,
  }),
}))

/** A change of one key somewhere: another value, gone, new, or everything in another order. */
const edit = fc.record({
  kind: fc.constantFrom('set', 'set', 'remove', 'reverse', 'nothing'),
  path: fc.array(name, { minLength: 1, maxLength: 3 }),
  value: leaf,
})

function edited(before: Tree, { kind, path, value }: { kind: string; path: readonly string[]; value: Tree[string] }): Tree {
  const after = structuredClone(before)
  if (kind === 'reverse') return Object.fromEntries(Object.entries(after).toReversed())
  let at = after
  for (const key of path.slice(0, -1)) {
    const inside = at[key]
    if (typeof inside !== 'object' || inside === null) break
    at = inside
  }
  const last = path.at(-1) ?? 'a'
  if (kind === 'set') at[last] = value
  if (kind === 'remove') delete at[last]
  return after
}

/** Every encrypted text by the path of its value. */
function texts(told: unknown, path: string[] = [], found = new Map<string, string>()): Map<string, string> {
  if (typeof told === 'object' && told !== null)
    for (const [key, value] of Object.entries(told)) if (path.length > 0 || key !== 'sops') texts(value, [...path, key], found)
  if (typeof told === 'string') found.set(JSON.stringify(path), told)
  return found
}

/** The values by their path, with their type. */
function values(told: unknown, path: string[] = [], found = new Map<string, string>()): Map<string, string> {
  if (typeof told === 'object' && told !== null) for (const [key, value] of Object.entries(told)) values(value, [...path, key], found)
  else found.set(JSON.stringify(path), JSON.stringify(told))
  return found
}

const asJson = (value: Tree): string => `${JSON.stringify(value, null, 2)}\n`
const asYaml = (value: Tree): string => `# top\n${stringify(value)}`
const parsed = (format: 'json' | 'yaml', text: string): unknown => (format === 'json' ? JSON.parse(text) : parse(text))

describe.each([
  ['JSON', 'json', asJson],
  ['YAML', 'yaml', asYaml],
] as const)('the next version of an encrypted file (%s)', (_, format, write) => {
  test.for([
    ['we', false],
    ['sops', true],
  ] as const)(
    'that %s encrypted is what sops makes of the new plaintext, with every value that is the same left as it is',
    { timeout: 2 * LIMIT },
    async ([, byThem], { skip }) => {
      skip(built.program === null, built.reason)
      expect(RUNS).toBeGreaterThan(0)
      if (built.program === null) return
      await fc.assert(
        fc.asyncProperty(tree, edit, async (before, change) => {
          const [plain, next] = [before, edited(before, change)].map((each) => Buffer.from(write(each)))
          if (plain === undefined || next === undefined) return
          const old = byThem
            ? (await oracle.ask({ op: 'encrypt', format, bytes: plain, age: to })).bytes
            : (await encryptSops(plain, { format, recipients: [to], now: new Date(0) })).bytes
          const { bytes, changed } = await reencryptSops(old, next, { identities, format, now: new Date(1e12) })
          const [theirs, wanted] = await Promise.all([
            oracle.ask({ op: 'decrypt', format, bytes, identity }),
            oracle.ask({ op: 'load', format, bytes: next }),
          ])
          expect(theirs.code, theirs.error).toBe(0)
          expect(sameTree(theirs, wanted), bytes.toString()).toBe(true)
          const [was, is] = [texts(parsed(format, old.toString())), texts(parsed(format, bytes.toString()))]
          const [had, has] = [values(before), values(edited(before, change))]
          for (const [path, value] of has)
            if (had.get(path) === value) expect(is.get(path), `${path}\n${bytes.toString()}`).toBe(was.get(path))
          // Another layout than sops prints is a change.
          if (!byThem) expect(changed).toBe(!plain.equals(next))
          if (!changed) expect(bytes.equals(old)).toBe(true)
        }),
        { numRuns: RUNS, interruptAfterTimeLimit: LIMIT, markInterruptAsFailure: true },
      )
    },
  )
})

import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import * as vectors from 'cctv-age'
import { expect, test } from 'vitest'
import { fromArmor } from '../../lib/secrets/age/armor.ts'
import { openAge } from '../../lib/secrets/age/open.ts'
import { scryptIdentity } from '../../lib/secrets/age/scrypt.ts'
import { parseIdentities } from '../../lib/secrets/age.ts'
import { Secret } from '../../lib/secrets/secret.ts'

/** One of the age test vectors: how it should end, with which keys, and the file. */
interface Vector {
  readonly expect: string
  readonly fields: ReadonlyMap<string, readonly string[]>
  readonly file: Buffer
}

const VECTORS = Object.entries(vectors as unknown as Readonly<Record<string, Uint8Array>>).filter(
  ([, bytes]) => bytes instanceof Uint8Array,
)

function read(bytes: Buffer): Vector {
  const end = bytes.indexOf('\n\n')
  const fields = new Map<string, string[]>()
  for (const line of bytes.toString('latin1', 0, end).split('\n')) {
    const [name = '', ...value] = line.split(': ')
    fields.set(name, [...(fields.get(name) ?? []), value.join(': ')])
  }
  const body = bytes.subarray(end + 2)
  return {
    expect: fields.get('expect')?.[0] ?? '',
    fields,
    file: fields.get('compressed')?.[0] === 'zlib' ? inflateSync(body) : Buffer.from(body),
  }
}

/** How our own path ends: armor, header, keys one after the other, MAC, payload. */
async function outcome({ fields, file }: Vector): Promise<{ kind: string; payload?: string }> {
  const armored = fields.get('armored')?.[0] === 'yes'
  const bytes = armored ? fromArmor(file.toString('latin1')) : file
  if (bytes === null) return { kind: 'armor failure' }
  const keys = (fields.get('passphrase') ?? []).map((passphrase) => scryptIdentity(new Secret(passphrase)))
  const identities = await Promise.all((fields.get('identity') ?? []).map((text) => parseIdentities(text, 'a vector')))
  const all = [...keys, ...identities.flat().flatMap(({ key }) => (key === null ? [] : [key]))]
  let last = { kind: 'no match' }
  for (const key of all) {
    const opening = await openAge(bytes, key as never)
    if (opening.kind === 'opened') return { kind: 'success', payload: createHash('sha256').update(opening.plaintext).digest('hex') }
    if (opening.kind !== 'no match') last = opening
  }
  // Without any key a broken header must still show.
  if (all.length === 0) return openAge(bytes, { unwrapFileKey: () => null })
  return last
}

test('every test vector of age ends as it should', { timeout: 120_000 }, async () => {
  expect(VECTORS.length).toBeGreaterThanOrEqual(143)
  const wrong: unknown[] = []
  for (const [name, bytes] of VECTORS) {
    const vector = read(Buffer.from(bytes))
    const { kind, payload } = await outcome(vector)
    if (kind !== vector.expect || (kind === 'success' && payload !== vector.fields.get('payload')?.[0]))
      wrong.push({ name, is: kind, expect: vector.expect, comment: vector.fields.get('comment') })
  }
  expect(wrong).toEqual([])
  process.stdout.write(`${VECTORS.length} test vectors of age pass\n`)
})

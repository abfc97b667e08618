import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseIdentities, type AgeIdentity } from '../../lib/secrets/age.ts'
import { decryptSops } from '../../lib/secrets/sops/decrypt.ts'
import { loadPlain } from '../../lib/secrets/sops/store.ts'
import type { SopsFormat } from '../../lib/secrets/sops/file-format.ts'
import { bare } from '../support/tree.ts'

const CORPUS = resolve(import.meta.dirname, '../fixtures/sops')
const VERSIONS = join(CORPUS, 'versions')

let identities: AgeIdentity[]

beforeAll(async () => {
  identities = await parseIdentities(readFileSync(join(CORPUS, 'reader.identity'), 'utf8'), 'reader.identity')
})

/** What a file in clear says, comments included, however it is laid out. */
async function meaning(bytes: Buffer, format: SopsFormat): Promise<unknown> {
  const { documents } = await loadPlain(bytes, format)
  return JSON.parse(JSON.stringify(bare(documents), plainly)) as unknown
}

/** An encrypted comment behind a value comes back above it from sops, and behind it from us. A float without a fraction is printed as an integer. */
function plainly(key: string, value: unknown): unknown {
  if (key === 'inline') return undefined
  return typeof value === 'bigint' || typeof value === 'number' ? `number ${value}` : value
}

describe.each(readdirSync(VERSIONS))('what sops %s wrote is decrypted to what the newest sops makes of it', (version) => {
  const cases = JSON.parse(readFileSync(join(VERSIONS, version, 'cases.json'), 'utf8')) as { file: string; format: SopsFormat }[]

  test.each(cases)('$file', async ({ file, format }) => {
    const decrypted = await decryptSops(readFileSync(join(VERSIONS, version, file)), identities)
    expect(decrypted).toMatchObject({ format, version })
    const printed = readFileSync(join(VERSIONS, version, `${file}.plain`))
    // The comments of empty mappings, which ours keeps, are lost when sops reads its own file.
    const kept =
      file === 'closed-early.yaml' ? Buffer.from(decrypted.plaintext.text().replaceAll(/ *#.*/g, '')) : decrypted.plaintext.bytes()
    expect(await meaning(kept, format)).toEqual(await meaning(printed, format))
    expect(printed.length).toBeGreaterThan(0)
  })
})

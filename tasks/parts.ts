import { digestOf } from '../lib/host/hash.ts'
import { blobs, filesAt } from '../lib/host/objects.ts'
import type { SecretFile } from '../lib/model/config.ts'
import { merge } from '../lib/model/edits.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isObject, type Json } from '../lib/model/json.ts'
import { keyFaults } from '../lib/model/key-faults.ts'
import { sha, short, type AbsPath, type Digest, type RelPath, type Sha } from '../lib/model/path.ts'
import type { Parts } from '../lib/model/tree.ts'
import type { Run, Unit } from './run.ts'

/** The objects that one secret, or one document, is made of at a commit. */
export interface Objects {
  /** One name for all of them. */
  readonly oid: Sha
  readonly cipher: Sha | null
  readonly plain: Sha | null
}

/** One state of a secret or a document: what it is made of, and the kept copy of what that says. */
export interface Version {
  readonly oid: Sha
  readonly digest: Digest
  readonly parts?: Parts
}

/** What a unit's secrets and documents are made of at a commit; one that is optional and has nothing is left out. Throws `no-such-path` when a file is missing. */
export async function objectsAt(run: Run, unit: Unit, commit: Sha): Promise<Map<SecretFile, Objects>> {
  const secrets = run.config.secrets.filter((secret) => secret.source === unit.name)
  const paths = secrets.flatMap(({ from, plain }) => [from, plain].filter((path) => path !== null))
  if (paths.length === 0 || unit.pulled === null) return new Map()
  const files = await filesAt(unit.pulled.repository, commit, paths, run.signal)
  const all = new Map<SecretFile, Objects>()
  for (const secret of secrets) {
    const [what, where] = secret.place.split('.') as [string, string]
    const object = (path: RelPath | null, optional: boolean): Sha | null => {
      const file = path === null ? undefined : files.get(path)
      const noun = `${what.slice(0, -1)} ${where}`
      if (file === undefined) {
        if (path === null || optional) return null
        throw new GitopsError('no-such-path', `${noun}: there is no file ${JSON.stringify(path)} in ${unit.name} at ${short(commit)}`, {
          hint: `Mend ${secret.place}.from in the config, or commit that file.`,
        })
      }
      if (file.type !== 'file' && file.type !== 'executable')
        throw new GitopsError('hostile', `${noun}: ${JSON.stringify(path)} is not a regular file`)
      return file.oid
    }
    const [cipher, plain] = [object(secret.from, false), object(secret.plain, secret.optional)]
    const oid = cipher !== null && plain !== null ? sha(digestOf(`${cipher} ${plain}`).slice('sha256:'.length)) : (cipher ?? plain)
    if (oid !== null) all.set(secret, { oid, cipher, plain })
  }
  return all
}

/** What a secret's plaintext and the plain file say together, kept sealed. Throws `invalid` where both say the same key, or one says a key that is not theirs. */
export async function composed(
  run: Run,
  unit: Unit,
  secret: SecretFile,
  objects: Objects,
  plaintext: Buffer | null,
  key: AbsPath,
): Promise<Version> {
  const { kept } = run.host
  const { oid, cipher, plain } = objects
  const hidden = plaintext === null ? null : kept.keepSecret(plaintext, key)
  if (plain === null && hidden !== null && secret.plain === null) return { oid, digest: hidden }
  const open = plain === null ? null : await blobOf(run, unit, plain)
  const text = await together(run, secret, open, plaintext)
  const parts = { plain, cipher: cipher === null || hidden === null ? null : { oid: cipher, digest: hidden } }
  return { oid, digest: kept.keepSecret(Buffer.from(text), key), parts }
}

async function together(run: Run, secret: SecretFile, open: Buffer | null, plaintext: Buffer | null): Promise<string> {
  const { documents } = run.host
  const { as, plain, place } = secret
  const invalid = (sentence: string): GitopsError =>
    new GitopsError('invalid', sentence, { hint: 'Mend it in the source; nothing was written.' })
  const read = async (bytes: Buffer | null, path: string): Promise<Json | undefined> => {
    if (bytes === null) return undefined
    // What a parser quotes of a file may be a secret.
    const value = await documents.read(as, bytes.toString(), path).catch((cause: unknown) => {
      throw invalid(`${place}: ${(cause as Error).message}`)
    })
    if (!isObject(value)) throw invalid(`${place}: ${path} must be an object of keys`)
    return value
  }
  const ours = await read(open, plain ?? '')
  const hidden = await read(plaintext, secret.from ?? '')
  const [fault] = keyFaults(secret, ours, hidden)
  if (fault !== undefined) {
    const name = (fault.file === 'plain' ? plain : secret.from) ?? ''
    const { positionOf } = await import('../lib/documents/position.ts')
    const place = fault.file === 'plain' && open !== null ? await positionOf(`${name}.${as.strategy}`, open.toString(), fault.path) : null
    throw invalid(`${name}${place === null ? '' : `:${place.line}:${place.column}`} ${fault.message}`)
  }
  if (hidden === undefined) return open?.toString() ?? ''
  return open === null
    ? (plaintext?.toString() ?? '')
    : documents.write(as, open.toString(), merge(undefined, hidden, ours).edits, plain ?? '')
}

async function blobOf(run: Run, { pulled }: Unit, oid: Sha): Promise<Buffer> {
  if (pulled !== null) for await (const bytes of blobs(pulled.repository, [oid], run.signal)) return bytes
  throw new GitopsError('git', `the object ${oid} cannot be read`)
}

import { inWorkTree } from '../lib/host/checkout.ts'
import { readLive, statOf } from '../lib/host/live.ts'
import { realPlace } from '../lib/host/real-place.ts'
import type { SecretFile } from '../lib/model/config.ts'
import type { Edit } from '../lib/model/edits.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { at, isObject, pointer } from '../lib/model/json.ts'
import type { AbsPath, RelPath, Sha } from '../lib/model/path.ts'
import type { OwnedSecret } from '../lib/model/state.ts'
import type { Capture, CaptureOptions } from './capture.ts'
import { changedKeys } from './captured-keys.ts'
import { reencrypted } from './reencrypted.ts'
import type { Run } from './run.ts'
import { placeOf } from './secrets.ts'

/** The secret whose file is at a live path; null when there is none. */
export function secretAt(run: Run, path: AbsPath): SecretFile | null {
  return run.config.secrets.find((secret) => secret.to === path || placeOf(secret).key === realPlace(path)) ?? null
}

/**
 * A secret as it is live, encrypted as the source's file is: to the same recipients, and with every value that has not changed as it was.
 * Of a merged document only our keys, each into the file that it is from. Throws `usage`, `conflict`, and as `decryptSops` and `reencryptSops` do.
 */
export async function capturedSecret(run: Run, secret: SecretFile, options: CaptureOptions): Promise<Capture[]> {
  const { key } = placeOf(secret)
  const known = applied(run, secret, key)
  const bytes = readLive(key)
  const merged = { live: key, as: known.as, digest: known.owned.digest, remove: options.remove }
  if (known.strategy === 'replace') {
    const same = run.host.kept.fingerprint(bytes, key) === known.owned.digest
    return [await encrypted(run, secret, known, same ? null : () => Promise.resolve(bytes))]
  }
  const { plain, hidden } = await divided(run, secret, known, await changedKeys(run, merged))
  const edited = async (old: string): Promise<Buffer> => Buffer.from(await run.host.documents.write(known.as, old, hidden, key))
  const all = [
    ...(secret.plain === null ? [] : [await inPlain(run, secret, secret.plain, known, plain)]),
    ...(secret.from === null ? [] : [await encrypted(run, secret, known, hidden.length === 0 ? null : edited)]),
  ]
  const changed = all.filter(({ captured }) => captured !== null)
  return changed.length === 0 ? all.slice(0, 1) : changed
}

function applied(run: Run, { name, place, from }: SecretFile, key: AbsPath): OwnedSecret {
  const known = run.inventory.secrets.get(key)
  if (known === undefined)
    throw new GitopsError('usage', `${key} was never applied`, {
      hint: from === null ? '`gitops reconcile` first.' : '`gitops reconcile` first; or `gitops encrypt` it into the source.',
    })
  if (statOf(key)?.isFile() === true) return known
  throw new GitopsError('usage', `${key} is no file any more`, {
    hint: `${from === null ? `The document ${name}` : 'A secret'} is taken away by taking ${place} out of the config.`,
  })
}

/** What has become of our keys, by the file that each is from. Throws `usage` for a value in whose place both had keys. */
async function divided(
  run: Run,
  { from, plain, to }: SecretFile,
  { as, parts }: OwnedSecret,
  edits: readonly Edit[],
): Promise<{ plain: readonly Edit[]; hidden: readonly Edit[] }> {
  if (plain === null || from === null) return plain === null ? { plain: [], hidden: edits } : { plain: edits, hidden: [] }
  const cipher = parts?.cipher?.digest
  const known = cipher === undefined ? undefined : await run.host.documents.read(as, run.host.kept.read(cipher).toString(), to)
  const isHidden = ({ path }: Edit): boolean => at(known, path) !== undefined
  const both = edits.find((edit) => isHidden(edit) && isObject(at(known, edit.path)))
  if (both !== undefined)
    throw new GitopsError('usage', `${to} has no object at ${pointer(both.path)} any more, where both ${plain} and ${from} may have keys`, {
      hint: 'Mend the two files by hand.',
    })
  return { plain: edits.filter((edit) => !isHidden(edit)), hidden: edits.filter(isHidden) }
}

async function inPlain(run: Run, secret: SecretFile, path: RelPath, known: OwnedSecret, edits: readonly Edit[]): Promise<Capture> {
  const oid = known.parts?.plain ?? null
  const capture = { live: placeOf(secret).key, source: secret.source, path, applied: oid }
  if (edits.length === 0) return { ...capture, captured: null }
  const text = await run.host.documents.write(known.as, inSource(run, secret, path).toString(), edits, path)
  return { ...capture, captured: { kind: 'file', bytes: Buffer.from(text), executable: false } }
}

/** The encrypted file with another plaintext, made from the old one; null where nothing of it has changed. */
async function encrypted(
  run: Run,
  secret: SecretFile,
  known: OwnedSecret,
  next: ((old: string) => Promise<Buffer>) | null,
): Promise<Capture> {
  const { name, source, from } = secret
  if (from === null) throw new Error('a secret without an encrypted file')
  const oid: Sha | null = known.parts === undefined ? known.owned.oid : (known.parts.cipher?.oid ?? null)
  const capture = { live: placeOf(secret).key, source, path: from, applied: oid }
  if (next === null) return { ...capture, captured: null }
  const old = inSource(run, secret, from)
  return { ...capture, captured: await reencrypted(run, `secret ${name} (${from})`, old, next) }
}

/** A file as it lies in the work tree. */
function inSource(run: Run, { place, source }: SecretFile, path: RelPath): Buffer {
  const bytes = inWorkTree(run.config, source, path)
  if (bytes !== null) return bytes
  throw new GitopsError('config', `${place.replace('s.', ' ')}: there is no ${path} in a work tree of ${source} on this machine`, {
    hint: 'Make the change in a clone of it, with `gitops edit`, commit it there and push.',
  })
}

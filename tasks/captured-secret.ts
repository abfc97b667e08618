import { asking } from '../lib/host/ask.ts'
import { inWorkTree } from '../lib/host/checkout.ts'
import { findIdentities } from '../lib/host/identities.ts'
import { readLive, statOf } from '../lib/host/live.ts'
import { realPlace } from '../lib/host/real-place.ts'
import type { SecretFile } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import type { AbsPath } from '../lib/model/path.ts'
import { inFile } from '../lib/secrets/fault.ts'
import { decryptSops } from '../lib/secrets/sops/decrypt.ts'
import { reencryptSops } from '../lib/secrets/sops/reencrypt.ts'
import type { Capture, CaptureOptions } from './capture.ts'
import { changedKeys } from './captured-keys.ts'
import type { Run } from './run.ts'
import { placeOf } from './secrets.ts'

/** The secret whose file is at a live path; null when there is none. */
export function secretAt(run: Run, path: AbsPath): SecretFile | null {
  return run.config.secrets.find((secret) => secret.to === path || placeOf(secret).key === realPlace(path)) ?? null
}

/**
 * A secret as it is live, encrypted as the source's file is: to the same recipients, and with every value that has not changed as it was.
 * Of a merged document only our keys. Throws `usage`, `conflict`, and as `decryptSops` and `reencryptSops` do.
 */
export async function capturedSecret(run: Run, secret: SecretFile, options: CaptureOptions): Promise<Capture> {
  const { key } = placeOf(secret)
  const known = run.inventory.secrets.get(key) ?? null
  const capture = { live: key, source: secret.source, path: secret.from, applied: known?.owned.oid ?? null }
  if (known === null)
    throw new GitopsError('usage', `${key} was never applied`, {
      hint: '`gitops reconcile` first; or `gitops encrypt` it into the source.',
    })
  if (statOf(key)?.isFile() !== true)
    throw new GitopsError('usage', `${key} is no file any more`, {
      hint: `A secret is taken away by taking secrets.${secret.name} out of the config.`,
    })
  const bytes = readLive(key)
  if (known.strategy === 'replace' && run.host.kept.fingerprint(bytes, key) === known.owned.digest) return { ...capture, captured: null }
  const merged = { live: key, as: known.as, digest: known.owned.digest, remove: options.remove }
  const edits = known.strategy === 'merge' ? await changedKeys(run, merged) : null
  if (edits?.length === 0) return { ...capture, captured: null }
  const old = ciphertext(run, secret)
  const identities = await findIdentities(run.host.machine, { files: run.config.identities, ask: asking(run.host.machine, () => {}) })
  try {
    const { plaintext, format } = await decryptSops(old, identities)
    const next = edits === null ? bytes : Buffer.from(await run.host.documents.write(known.as, plaintext.text(), edits, key))
    const made = await reencryptSops(old, next, { identities, now: run.host.now(), format })
    return { ...capture, captured: made.changed ? { kind: 'file', bytes: made.bytes, executable: false } : null }
  } catch (error) {
    throw error instanceof GitopsError ? inFile(`secret ${secret.name} (${secret.from})`, error) : error
  }
}

/** The encrypted file as it lies in the work tree. */
function ciphertext(run: Run, { name, source, from }: SecretFile): Buffer {
  const bytes = inWorkTree(run.config, source, from)
  if (bytes !== null) return bytes
  throw new GitopsError('config', `secret ${name}: there is no ${from} in a work tree of ${source} on this machine`, {
    hint: 'Make the change in a clone of it, with `gitops edit`, commit it there and push.',
  })
}

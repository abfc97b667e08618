import { asking } from '../lib/host/ask.ts'
import type { Captured } from '../lib/host/checkout.ts'
import { findIdentities } from '../lib/host/identities.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { inFile } from '../lib/secrets/fault.ts'
import { decryptSops } from '../lib/secrets/sops/decrypt.ts'
import { reencryptSops } from '../lib/secrets/sops/reencrypt.ts'
import type { Run } from './run.ts'

/** An encrypted file with another plaintext, made from the old one; null where that is the same. Throws as `decryptSops` and `reencryptSops` do, with the `place` in front. */
export async function reencrypted(run: Run, place: string, old: Buffer, next: (old: string) => Promise<Buffer>): Promise<Captured | null> {
  const identities = await findIdentities(run.host.machine, { files: run.config.identities, ask: asking(run.host.machine, () => {}) })
  try {
    const { plaintext, format } = await decryptSops(old, identities)
    const made = await reencryptSops(old, await next(plaintext.text()), { identities, now: run.host.now(), format })
    return made.changed ? { kind: 'file', bytes: made.bytes, executable: false } : null
  } catch (error) {
    throw error instanceof GitopsError ? inFile(place, error) : error
  }
}

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newIdentity, parseIdentities, type AgeIdentity, type Recipient } from '../../lib/secrets/age.ts'

/** The real `sops`, asked where it is there: on PATH or in GITOPS_SOPS. */
const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'

/** Why the real `sops` cannot be asked, or null. */
export const noSops: string | null = spawnSync(SOPS, ['--version'], { stdio: 'ignore' }).status === 0 ? null : 'there is no sops here'

/** A key that both ours and the real `sops` can use, and the real `sops`. */
export interface RealSops {
  readonly identities: AgeIdentity[]
  readonly to: Recipient
  /** Runs it on bytes, with the format said. Throws with what it has printed. */
  run(verb: 'encrypt' | 'decrypt', format: string, bytes: Uint8Array, ...more: string[]): Buffer
  close(): void
}

/** A new key in a directory of its own. */
export async function realSops(): Promise<RealSops> {
  const scratch = mkdtempSync(join(tmpdir(), 'gitops-real-'))
  const made = await newIdentity()
  writeFileSync(join(scratch, 'keys.txt'), `${made.identity.text()}\n`, { mode: 0o600 })
  return {
    identities: await parseIdentities(made.identity.text(), 'keys.txt'),
    to: made.recipient,
    run(verb, format, bytes, ...more) {
      writeFileSync(join(scratch, 'file'), bytes)
      const args = ['--disable-version-check', verb, '--input-type', format, '--output-type', format, ...more, join(scratch, 'file')]
      const env = { PATH: process.env['PATH'], HOME: scratch, SOPS_AGE_KEY_FILE: join(scratch, 'keys.txt') }
      return execFileSync(SOPS, args, { cwd: scratch, env, stdio: ['ignore', 'pipe', 'pipe'] })
    },
    close: () => rmSync(scratch, { recursive: true, force: true }),
  }
}

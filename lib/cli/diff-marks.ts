import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { loadHostKey } from '../host/host-key.ts'
import { machine } from '../host/machine.ts'
import { absPath } from '../model/path.ts'
import { fingerprint } from '../secrets/seal.ts'
import { Secret } from '../secrets/secret.ts'
import type { ViewOptions } from '../secrets/sops/diff-view.ts'

/** Marks values by this machine's own key: without it a mark says nothing about the value, also when a diff is shown around. */
export function marker(): ViewOptions['mark'] {
  const { env, home } = machine()
  const data = env['XDG_DATA_HOME']
  try {
    const key = loadHostKey(
      absPath(join(data !== undefined && data.startsWith('/') ? data : join(home, '.local/share'), 'gitops/host.key')),
    )
    return (path, bytes) => fingerprint(key, `git-diff ${path}`, new Secret(bytes)).slice('hmac-sha256:'.length).slice(0, 12)
  } catch {
    // A home that cannot be written to has none: then ciphertexts are compared.
    return null
  }
}

/** A mark of a ciphertext, which everybody may see. */
export function cipherMark(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

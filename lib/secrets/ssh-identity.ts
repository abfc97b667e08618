import { lacking, type AgeIdentity } from './age.ts'
import { readSshKeyFile, unlockSshKey, WRONG_PASSPHRASE } from './age/ssh-private.ts'
import { sshPublicKey, sshRecipient, type SshPublicKey } from './age/ssh-public.ts'
import { isFor, sshIdentityOf, type SshPrivateKey } from './age/ssh-stanza.ts'
import { x25519Recipient } from './age/x25519.ts'
import { once, unlock, type Ask } from './passphrase.ts'
import type { Secret } from './secret.ts'

/** An SSH private key file. */
export interface SshFile {
  readonly text: Secret
  readonly origin: string
  /** The line of the public key beside it, for formats that hide it behind the passphrase. */
  readonly publicLine: string | null
  readonly ask: Ask
}

/**
 * The identity of an SSH private key. One with a passphrase asks for it, once, when a file has an entry for that key. Never
 * throws: a key that age cannot use is a place without one.
 */
export async function readSshIdentity({ text, origin, publicLine, ask }: SshFile): Promise<AgeIdentity> {
  const file = await readSshKeyFile(text.text())
  if (file.kind === 'fault') return lacking(origin, `${origin} ${file.fault}`)
  if (file.kind === 'open') return identityOf(file.key, origin)
  const open = file.open ?? (publicLine === null ? null : sshPublicKey(publicLine))
  if (open === null) {
    const advice = 'its public half must stand beside it in a file of the same name and .pub'
    return lacking(origin, `${origin} is protected by a passphrase and hides whose it is: ${advice}`)
  }
  if (typeof open === 'string') return lacking(origin, `the public half of ${origin} ${open}`)
  const names = namesOf(open)
  const unlocked = once(() =>
    unlock(origin, ask, async (passphrase) => {
      const key = await unlockSshKey(text.text(), passphrase.bytes())
      if (key === WRONG_PASSPHRASE) return null
      if (typeof key === 'string') return [lacking(origin, `${origin} ${key}`)]
      return key.open.wire.equals(open.wire)
        ? [identityOf(key, origin)]
        : [lacking(origin, `${origin} does not belong to the public key beside it`)]
    }),
  )
  return {
    ...names,
    origin,
    key: {
      effort: 'person',
      fetch: ({ recipient, stanzas }) =>
        recipient === names.also || stanzas.some((stanza) => isFor(open, stanza)) ? unlocked() : Promise.resolve([]),
    },
  }
}

function identityOf(key: SshPrivateKey, origin: string): AgeIdentity {
  return { ...namesOf(key.open), origin, key: sshIdentityOf(key) }
}

function namesOf(open: SshPublicKey): Pick<AgeIdentity, 'name' | 'also'> {
  return { name: sshRecipient(open), ...(open.kind === 'ssh-ed25519' && { also: x25519Recipient(open.point) }) }
}

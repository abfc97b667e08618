import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readPrivateParts, readSshContainer } from './ssh-container.ts'
import { x25519Key } from './curve25519.ts'
import { wireKey, type SshPublicKey } from './ssh-public.ts'
import type { SshPrivateKey } from './ssh-stanza.ts'
import { wireMpint, wireString } from './ssh-wire.ts'

/** What `unlockSshKey` says of a passphrase that is not the right one. */
export const WRONG_PASSPHRASE = 'does not open with that passphrase'

/** What an SSH private key file is, as far as can be told without a passphrase. A `fault` follows the file's name in a sentence. */
export type SshKeyFile =
  | { readonly kind: 'open'; readonly key: SshPrivateKey }
  /** `open` is null where the format hides the public key. */
  | { readonly kind: 'locked'; readonly open: SshPublicKey | null }
  | { readonly kind: 'fault'; readonly fault: string }

/** Reads an SSH private key file: OpenSSH's own container, PEM or PKCS #8. */
export async function readSshKeyFile(text: string): Promise<SshKeyFile> {
  const container = readSshContainer(text)
  if (container !== null) {
    if (typeof container === 'string') return { kind: 'fault', fault: container }
    const open = wireKey(container.publicKey)
    if (typeof open === 'string') return { kind: 'fault', fault: open }
    if (container.locked) return { kind: 'locked', open }
  } else if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: *4,ENCRYPTED/m.test(text)) return { kind: 'locked', open: null }
  const key = await unlockSshKey(text, null)
  return typeof key === 'string' ? { kind: 'fault', fault: key } : { kind: 'open', key }
}

/** The key itself; a text that follows the file's name in a sentence when the passphrase is wrong or the file is broken. */
export async function unlockSshKey(text: string, passphrase: Buffer | null): Promise<SshPrivateKey | string> {
  const container = readSshContainer(text)
  if (typeof container === 'string') return container
  if (container === null) return fromPem(text, passphrase)
  const parts = await readPrivateParts(container, passphrase)
  if (parts === null) return passphrase === null ? 'is broken' : WRONG_PASSPHRASE
  const open = wireKey(container.publicKey)
  if (typeof open === 'string') return open
  return parts.kind === 'ssh-rsa' ? rsaPrivate(parts.rsa, open) : ed25519Private(parts.seed, open)
}

function fromPem(text: string, passphrase: Buffer | null): SshPrivateKey | string {
  if (!/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(text)) return 'is not an SSH private key'
  let key: KeyObject
  try {
    key = createPrivateKey({ key: text, format: 'pem', ...(passphrase !== null && { passphrase }) })
  } catch {
    return passphrase === null ? 'is broken, or of a kind that age cannot use' : WRONG_PASSPHRASE
  }
  const { n, e, x, d } = key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ed25519' ? key.export({ format: 'jwk' }) : {}
  const bytes = (part: string | undefined): Buffer => Buffer.from(part ?? '', 'base64url')
  if (n !== undefined) {
    const open = wireKey(Buffer.concat([wireString(Buffer.from('ssh-rsa')), wireMpint(bytes(e)), wireMpint(bytes(n))]))
    return typeof open === 'string' ? open : rsaPrivate(key, open)
  }
  if (x === undefined) return `is a key of the type ${key.asymmetricKeyType ?? 'unknown'}, which age cannot use`
  const open = wireKey(Buffer.concat([wireString(Buffer.from('ssh-ed25519')), wireString(bytes(x))]))
  return typeof open === 'string' ? open : ed25519Private(bytes(d), open)
}

/** A container may hold a private key of somebody else's public one, which would open nothing and name the wrong recipient. */
function rsaPrivate(rsa: KeyObject, open: SshPublicKey): SshPrivateKey | string {
  const fits = open.kind === 'ssh-rsa' && createPublicKey(rsa).equals(open.rsa)
  return fits ? { kind: 'ssh-rsa', rsa, open } : 'is broken: its two halves do not belong together'
}

function ed25519Private(seed: Buffer, open: SshPublicKey): SshPrivateKey | string {
  const key = x25519Key(createHash('sha512').update(seed).digest().subarray(0, 32))
  const fits = open.kind === 'ssh-ed25519' && key.point.equals(open.point)
  return fits ? { kind: 'ssh-ed25519', key, open } : 'is broken: its two halves do not belong together'
}

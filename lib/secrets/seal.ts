import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { GitopsError } from '../model/errors.ts'
import { Secret } from './secret.ts'

/** The 32 random bytes of this machine that key its fingerprints and seal its undo copies. */
export type HostKey = Secret & { readonly __brand: 'HostKey' }

const KEY_LENGTH = 32
const SALT_LENGTH = 32
const NONCE_LENGTH = 12
const TAG_LENGTH = 16
/** Names the kind of file and the version of its layout: `header salt ciphertext tag`. */
const HEADER = Buffer.from('gitops-seal\u0000\u0001', 'latin1')

/** A new host key. */
export function newHostKey(): HostKey {
  return hostKey(randomBytes(KEY_LENGTH))
}

/** The bytes of a key file as a host key. Throws `io` when they are not 32 bytes. */
export function hostKey(bytes: Uint8Array): HostKey {
  if (bytes.length !== KEY_LENGTH) {
    throw new GitopsError('io', `the host key has ${bytes.length} bytes, not ${KEY_LENGTH}`, {
      hint: 'Restore it, or delete it: secrets are then decrypted once more, and sealed old versions cannot be opened.',
    })
  }
  return new Secret(bytes) as HostKey
}

/** A short name of a host key, safe to store: tells whether a fingerprint or a sealed copy was made with it. */
export function hostKeyName(key: HostKey): string {
  return derive(key, Buffer.alloc(0), 'gitops host key name v1', 8).toString('hex')
}

/**
 * The plaintext sealed with the host key (AES-256-GCM under a key of its own). `about` is bound to it, not stored:
 * say what the copy is (live path, generation), so that one cannot be put in another's place.
 */
export function seal(key: HostKey, plaintext: Secret, about: string): Buffer {
  const salt = randomBytes(SALT_LENGTH)
  const { cipherKey, nonce } = messageKey(key, salt)
  const cipher = createCipheriv('aes-256-gcm', cipherKey, nonce, { authTagLength: TAG_LENGTH })
  cipher.setAAD(associated(about))
  const sealed = [cipher.update(plaintext.bytes()), cipher.final()]
  return Buffer.concat([HEADER, salt, ...sealed, cipher.getAuthTag()])
}

/** The plaintext of sealed bytes. Throws `io` when they were sealed with another key, about something else, or changed. */
export function open(key: HostKey, sealed: Uint8Array, about: string): Secret {
  const bytes = Buffer.from(sealed)
  const body = HEADER.length + SALT_LENGTH
  if (!isSealed(bytes) || bytes.length < body + TAG_LENGTH) {
    throw new GitopsError('io', 'this is not a sealed copy, or one of a newer version')
  }
  const { cipherKey, nonce } = messageKey(key, bytes.subarray(HEADER.length, body))
  const decipher = createDecipheriv('aes-256-gcm', cipherKey, nonce, { authTagLength: TAG_LENGTH })
  decipher.setAAD(associated(about))
  decipher.setAuthTag(bytes.subarray(-TAG_LENGTH))
  const parts = [decipher.update(bytes.subarray(body, -TAG_LENGTH))]
  try {
    parts.push(decipher.final())
    return new Secret(Buffer.concat(parts))
  } catch (error) {
    throw new GitopsError('io', 'the sealed copy does not open with the host key of this machine, or was changed', {
      hint: 'When the host key was lost, old versions of secrets cannot be restored from generations.',
      cause: error,
    })
  } finally {
    for (const part of parts) part.fill(0)
  }
}

/** Whether the bytes start like a sealed copy of the version that `open` reads. */
export function isSealed(bytes: Uint8Array): boolean {
  return HEADER.equals(bytes.subarray(0, HEADER.length))
}

/** `hmac-sha256:` and hex: equal for equal plaintext at an equal `to`, meaningless without the host key. Safe to store. */
export function fingerprint(key: HostKey, to: string, plaintext: Secret): string {
  const subkey = derive(key, Buffer.alloc(0), 'gitops fingerprint v1', KEY_LENGTH)
  const place = Buffer.from(to, 'utf8')
  const length = Buffer.alloc(4)
  length.writeUInt32BE(place.length)
  return `hmac-sha256:${createHmac('sha256', subkey).update(length).update(place).update(plaintext.bytes()).digest('hex')}`
}

function associated(about: string): Buffer {
  return Buffer.concat([HEADER, Buffer.from(about, 'utf8')])
}

/** A key and nonce for one message, so that a random nonce can never repeat under one key. */
function messageKey(key: HostKey, salt: Buffer): { cipherKey: Buffer; nonce: Buffer } {
  const derived = derive(key, salt, 'gitops seal v1', KEY_LENGTH + NONCE_LENGTH)
  return { cipherKey: derived.subarray(0, KEY_LENGTH), nonce: derived.subarray(KEY_LENGTH) }
}

function derive(key: HostKey, salt: Buffer, purpose: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key.bytes(), salt, purpose, length))
}

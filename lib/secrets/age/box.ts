import { createCipheriv, createDecipheriv } from 'node:crypto'

const TAG_LENGTH = 16
/** A key that is used once needs no nonce. */
const ONCE = Buffer.alloc(12)

/** ChaCha20-Poly1305, the tag at the end. */
export function sealBox(key: Buffer, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('chacha20-poly1305', key, ONCE, { authTagLength: TAG_LENGTH })
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** What a box holds, or null for another key or a changed byte. */
export function openBox(key: Buffer, box: Uint8Array, nonce: Buffer = ONCE): Buffer | null {
  if (box.length < TAG_LENGTH) return null
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_LENGTH })
  decipher.setAuthTag(box.subarray(-TAG_LENGTH))
  try {
    return Buffer.concat([decipher.update(box.subarray(0, -TAG_LENGTH)), decipher.final()])
  } catch {
    return null
  }
}

/** A wrapped file key. Throws when it is not as long as one: one body must not stand for keys of several lengths. */
export function openFileKey(key: Buffer, body: Uint8Array): Buffer | null {
  if (body.length !== 16 + TAG_LENGTH) throw new Error('a wrapped file key of the wrong length')
  return openBox(key, body)
}

import type { Identity } from 'age-encryption'
import { Secret } from '../secret.ts'
import { headerMatches, parseAgeFile, type AgeFile } from './header.ts'
import { openPayload } from './payload.ts'

/** A private key: age's own interface, or the text of a post-quantum one, which only `age-encryption` can use. */
export type PrivateKey = Identity | Secret

/** What became of opening a file; all but `opened` are the words that the test vectors of age use. */
export type Opening =
  | { readonly kind: 'opened'; readonly plaintext: Buffer }
  | { readonly kind: 'no match' | 'header failure' | 'HMAC failure' | 'payload failure' }

/** Opens an age file (not armored) with one key. Never throws: a key that fails is one that does not open it. */
export async function openAge(bytes: Buffer, key: PrivateKey): Promise<Opening> {
  const file = parseAgeFile(bytes)
  if (file === null) return { kind: 'header failure' }
  if (key instanceof Secret) return openHybrid(file, bytes, key)
  let fileKey: Uint8Array | null
  try {
    fileKey = await key.unwrapFileKey(file.stanzas)
  } catch {
    return { kind: 'header failure' }
  }
  if (fileKey === null) return { kind: 'no match' }
  if (!headerMatches(file, fileKey)) return { kind: 'HMAC failure' }
  const plaintext = openPayload(file.payload, fileKey)
  return plaintext === null ? { kind: 'payload failure' } : { kind: 'opened', plaintext }
}

/** The library tells failures apart by its messages only, so it is asked in two steps. */
async function openHybrid(file: AgeFile, bytes: Buffer, key: Secret): Promise<Opening> {
  // Half of what the library costs to load is for this kind alone.
  if (!file.stanzas.some(({ args }) => args[0] === 'mlkem768x25519')) return { kind: 'no match' }
  const { Decrypter } = await import('age-encryption')
  const decrypter = new Decrypter()
  decrypter.addIdentity(key.text())
  let fileKey: Uint8Array
  try {
    fileKey = await decrypter.decryptHeader(bytes.subarray(0, bytes.length - file.payload.length))
  } catch (error) {
    const { message } = error as Error
    const kind = message.startsWith('no identity') ? 'no match' : message.includes('HMAC') ? 'HMAC failure' : 'header failure'
    return { kind }
  }
  const plaintext = openPayload(file.payload, fileKey)
  return plaintext === null ? { kind: 'payload failure' } : { kind: 'opened', plaintext }
}

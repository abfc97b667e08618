import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto'
import { strictBase64 } from '../base64.ts'
import type { Comment, Leaf } from './document.ts'
import { parseLeaf, toEncrypt } from './leaf.ts'

const IV_LENGTH = 32
const TAG_LENGTH = 16
/** Bytes of a data key. */
export const DATA_KEY_LENGTH = 32

// As in SOPS, text may follow the last bracket: the line feed of a block scalar does.
const ENCRYPTED = /^ENC\[AES256_GCM,data:([\w+/=-]+),iv:([\w+/=-]+),tag:([\w+/=-]+),type:(\w+)\][^\]]*$/

/** The key that encrypts the values of one file. */
export type DataKey = Buffer & { readonly __brand: 'DataKey' }

// From bytes Node would make one for each value, which takes longer than all the rest.
const handles = new WeakMap<DataKey, KeyObject>()

function handleOf(key: DataKey): KeyObject {
  const handle = handles.get(key) ?? createSecretKey(key)
  handles.set(key, handle)
  return handle
}

/** A fresh data key. */
export function newDataKey(): DataKey {
  return randomBytes(DATA_KEY_LENGTH) as DataKey
}

/** The bytes as a data key, or null when they cannot be one. */
export function dataKey(bytes: Uint8Array): DataKey | null {
  return bytes.length === DATA_KEY_LENGTH ? (Buffer.from(bytes) as DataKey) : null
}

/** What binds a value to its place: the keys above it. List positions are not part of it. */
export function associatedData(path: readonly string[]): string {
  return `${path.join(':')}:`
}

/** The value as `ENC[…]`. Empty text stays empty, as in SOPS; so does null, which the caller must not pass. */
export function encryptLeaf(value: Exclude<Leaf, null> | Comment, key: DataKey, associated: string): string {
  const leaf = toEncrypt(value)
  if (leaf === null || leaf.bytes.length === 0) return ''
  const iv = randomBytes(IV_LENGTH)
  const cipher = createCipheriv('aes-256-gcm', handleOf(key), iv, { authTagLength: TAG_LENGTH })
  cipher.setAAD(Buffer.from(associated, 'utf8'))
  const data = Buffer.concat([cipher.update(leaf.bytes), cipher.final()])
  const [first, second, third] = [data, iv, cipher.getAuthTag()].map((part) => part.toString('base64'))
  return `ENC[AES256_GCM,data:${first},iv:${second},tag:${third},type:${leaf.type}]`
}

/** Why a value does not decrypt: it is not `ENC[…]`, or it is but was changed, moved or made with another key. */
export type Undecryptable = 'clear' | 'changed'

/** The value of an `ENC[…]` text. The empty text is the empty value. */
export function decryptLeaf(
  text: string,
  key: DataKey,
  associated: string,
): { value: Exclude<Leaf, null> | Comment } | { fault: Undecryptable } {
  if (text === '') return { value: '' }
  const match = ENCRYPTED.exec(text)
  if (match === null) return { fault: 'clear' }
  const [data, iv, tag] = match.slice(1, 4).map(strictBase64)
  if (!data || !iv || !tag || iv.length === 0 || tag.length !== TAG_LENGTH) return { fault: 'changed' }
  try {
    const decipher = createDecipheriv('aes-256-gcm', handleOf(key), iv, { authTagLength: TAG_LENGTH })
    decipher.setAAD(Buffer.from(associated, 'utf8'))
    decipher.setAuthTag(tag)
    const value = parseLeaf(match[4] ?? '', Buffer.concat([decipher.update(data), decipher.final()]))
    return value === null ? { fault: 'changed' } : { value }
  } catch {
    return { fault: 'changed' }
  }
}

/** Whether the text looks like an encrypted value. */
export function isEncrypted(text: string): boolean {
  return ENCRYPTED.test(text)
}

import { createHash, timingSafeEqual } from 'node:crypto'
import { decryptLeaf, encryptLeaf, type DataKey } from './cipher.ts'
import { isComment, type Comment, type Leaf } from './document.ts'
import { serialise } from './leaf.ts'

/** Keeps a MAC over encrypted values only from ever equalling one over all values. */
const ONLY_ENCRYPTED = createHash('sha256').update('sops').digest()

/** The hash over a file's values. */
export interface Mac {
  /** Adds a value in clear. Comments do not count. */
  add(value: Exclude<Leaf, null> | Comment): void
  /** The upper-case hex that SOPS encrypts into `mac`. Called once, at the end. */
  digest(): string
}

/** A new, empty hash. */
export function newMac(onlyEncrypted: boolean): Mac {
  const hash = createHash('sha512')
  if (onlyEncrypted) hash.update(ONLY_ENCRYPTED)
  return {
    add(value) {
      const leaf = isComment(value) ? null : serialise(value)
      if (leaf !== null) hash.update(leaf.bytes)
    },
    digest: () => hash.digest('hex').toUpperCase(),
  }
}

/** The digest as it stands in the file, bound to the time of the change. */
export function sealMac(digest: string, key: DataKey, lastModified: string): string {
  return encryptLeaf(digest, key, lastModified)
}

/** Whether the stored MAC says the same as the digest of what was read. A missing or damaged one does not. */
export function macMatches(stored: string, digest: string, key: DataKey, lastModified: string): boolean {
  const opened = stored === '' ? null : decryptLeaf(stored, key, lastModified)
  if (opened === null || !('value' in opened) || typeof opened.value !== 'string') return false
  const [one, two] = [Buffer.from(opened.value), Buffer.from(digest)]
  return one.length === two.length && timingSafeEqual(one, two)
}

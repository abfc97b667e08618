import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath, Digest } from '../model/path.ts'
import { digestOf } from './hash.ts'
import { writeAtomic } from './write.ts'

/** Copies of what stood at live paths before us, stored once by content. */
export interface Kept {
  /** Stores bytes, durably, and returns their digest. */
  keep(bytes: Buffer): Digest
  /** The bytes of a digest. Throws `stuck` when the copy is missing or damaged. */
  read(digest: Digest): Buffer
}

/** The store below a state directory. */
export function keptIn(state: AbsPath): Kept {
  const place = (digest: Digest): string => join(state, 'kept', digest.slice(7, 9), digest.slice(9))
  return {
    keep(bytes) {
      const digest = digestOf(bytes)
      const path = place(digest)
      if (!existsSync(path) || digestOf(readFileSync(path)) !== digest) writeAtomic(path, bytes)
      return digest
    },
    read(digest) {
      const path = place(digest)
      const bytes = existsSync(path) ? readFileSync(path) : null
      if (bytes === null || digestOf(bytes) !== digest) {
        throw new GitopsError('stuck', `the kept copy ${path} is ${bytes === null ? 'missing' : 'damaged'}`, {
          hint: 'What it held cannot be put back; the source still has our versions.',
        })
      }
      return bytes
    },
  }
}

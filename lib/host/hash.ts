import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { digest, type Digest } from '../model/path.ts'

/** One piece for all files: making and clearing one for each costs more than reading a small file. Nothing awaits while it is in use. */
let chunk: Buffer | undefined

/** The digest of bytes or text. */
export function digestOf(bytes: Buffer | string): Digest {
  return digest(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)
}

/** The digest of a live file, read in pieces and never through a link. */
export function digestOfFile(path: string): Digest {
  const hash = createHash('sha256')
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    chunk ??= Buffer.allocUnsafe(1 << 18)
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) hash.update(chunk.subarray(0, read))
  } finally {
    closeSync(file)
  }
  return digest(`sha256:${hash.digest('hex')}`)
}

/** The same name always, for the same text. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

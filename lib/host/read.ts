import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { GitopsError } from '../model/errors.ts'

/** What `readRegular` says of a file that another user, or its permissions, keep from us. */
export const NOT_OURS = 'not ours to read'

/**
 * The bytes of a file, or a few words that say why there are none: what stands in its place, or what the system says to it; 'nothing'
 * when there is nothing. Never waits on a pipe, nor follows a link. `most` is a number of bytes. Throws `io` when the machine has no room
 * to open it: that says nothing about the file.
 */
export function readRegular(path: string, most = Infinity): Buffer | string {
  let file: number
  try {
    // A pipe would keep us waiting, and a link could lead anywhere.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    return reasonOf(error, path)
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) return stat.isDirectory() ? 'a directory' : stat.isFIFO() ? 'a pipe' : 'a device'
    return stat.size > most ? `of ${Math.ceil(stat.size / 1e6)} MB, more than any of ours` : readFileSync(file)
  } catch (error) {
    return reasonOf(error, path)
  } finally {
    closeSync(file)
  }
}

function reasonOf(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (['EMFILE', 'ENFILE', 'ENOMEM'].includes(code ?? ''))
    throw new GitopsError('io', `${path} cannot be read: ${message}`, {
      hint: 'Raise the limit, or close what holds so much.',
      cause: error,
    })
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'nothing'
  if (code === 'ELOOP') return 'a link'
  if (code === 'ENXIO') return 'a socket'
  if (code === 'EACCES' || code === 'EPERM') return NOT_OURS
  return `what cannot be read (${code ?? 'error'})`
}

/** The bytes of a file of our own state. Throws `io` when something else stands there, or it is not ours to read. */
export function readOwn(path: string): Buffer {
  const found = readRegular(path)
  if (typeof found !== 'string') return found
  throw new GitopsError('io', `${path} cannot be read: it is ${found}`, {
    hint: 'It is a file of ours: move away what stands there, or mend its permissions.',
  })
}

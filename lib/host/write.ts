import { closeSync, existsSync, fsyncSync, lstatSync, mkdirSync, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { randomBytes } from 'node:crypto'
import { GitopsError } from '../model/errors.ts'

/**
 * Replaces a file of our own state so that a reader, or a crash at any instant, sees the old bytes or the new ones.
 * The directory is made, 0700, when it is missing. With `durable` it has reached the disk on return. `last` is asked when all that is left is the
 * rename: where it throws, the old bytes stay.
 */
export function writeAtomic(path: string, bytes: string | Buffer, durable = true, last: () => void = () => {}): void {
  const temp = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSync(temp, 'wx', 0o600)
    try {
      writeAll(file, Buffer.from(bytes as string))
      if (durable) fsyncSync(file)
    } finally {
      closeSync(file)
    }
    last()
    renameSync(temp, path)
    if (durable) syncDirectory(dirname(path))
  } catch (error) {
    if (existsSync(temp)) rmSync(temp, { force: true })
    if (error instanceof GitopsError) throw error
    throw refused(path, 'written', error)
  }
}

/** Removes what stands where a file of our own state has its place, if anything does. Throws `io`, with its path. */
export function removeOwn(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) rmSync(path, { recursive: true })
    else unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw refused(path, 'removed', error)
  }
}

function refused(path: string, what: string, cause: unknown): GitopsError {
  return new GitopsError('io', `${path} cannot be ${what}: ${(cause as Error).message}`, {
    hint: 'See that there is room, and that its directory is yours to write.',
    cause,
  })
}

/** Writes every byte; the operating system may take fewer at a time. */
export function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at)
}

/** Makes the names in a directory durable. Systems that cannot open a directory do not need it. */
export function syncDirectory(path: string): void {
  let directory: number
  try {
    directory = openSync(path, 'r')
  } catch {
    return
  }
  try {
    fsyncSync(directory)
  } catch (error) {
    if (!['EINVAL', 'ENOTSUP', 'EISDIR', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  } finally {
    closeSync(directory)
  }
}

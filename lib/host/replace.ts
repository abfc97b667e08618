import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { takeTurn } from './turn.ts'
import { syncDirectory, writeAll } from './write.ts'

/** As many links one behind the other as Linux follows. */
const MOST_LINKS = 40

/** How a person's file is replaced. */
export interface Replacing {
  /** Permission bits of a file that is not there yet; one that is there keeps its own, unless they are to be `exact`. */
  readonly mode: number
  readonly exact?: boolean
  /** What was read from it, or null when it was not there; with anything else in it now nothing is written. */
  readonly expected?: Buffer | null
}

/**
 * Replaces a person's file so that a crash at any instant leaves the old bytes or the new ones, on the disk. Mode and owner
 * stay, a link stays a link, and what is no file (a terminal, a pipe) is written to. Directories that are missing are made. Runs of ours that replace the same file
 * wait for each other. Throws `io`, or `conflict` when the file is no longer what was expected; the old one is then untouched.
 */
export function replaceFile(path: string, bytes: Buffer, { mode, exact = false, expected }: Replacing): void {
  try {
    const old = statSync(path, { throwIfNoEntry: false })
    if (old !== undefined && !old.isFile()) return writeFileSync(path, bytes)
    if (old === undefined) mkdirSync(dirname(path), { recursive: true })
    const real = old === undefined ? behindLinks(path) : realpathSync(path)
    // A file that its owner has made read-only is not to be replaced, though its directory would allow that.
    if (old !== undefined) accessSync(real, constants.W_OK)
    // From the comparison on no other run of ours may write it.
    const turn = takeTurn(real)
    try {
      writeLike(turn.file, bytes, exact || old === undefined ? { mode, uid: old?.uid, gid: old?.gid } : old)
      if (expected !== undefined && !isStill(real, expected)) throw changed(path)
      renameSync(turn.temp, real)
    } catch (error) {
      rmSync(turn.temp, { force: true })
      throw error
    } finally {
      closeSync(turn.file)
    }
    madeDurable(dirname(real))
  } catch (error) {
    if (error instanceof GitopsError) throw error
    throw new GitopsError('io', `${path} cannot be written: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`, {
      hint: 'See that there is room, and that its directory is yours to write.',
      cause: error,
    })
  }
}

/** The file is in its place by now, and is not said to be unwritten when a failing disk cannot promise that its name stays. */
function madeDurable(directory: string): void {
  try {
    syncDirectory(directory)
  } catch {
    // See above.
  }
}

function isStill(path: string, expected: Buffer | null): boolean {
  const now = existsSync(path) ? readFileSync(path) : null
  return expected === null || now === null ? now === expected : now.equals(expected)
}

/** Where a path leads at which there is no file: a link to nothing is followed, so that the file is made where it points. */
function behindLinks(path: string): string {
  let real = path
  for (let count = 0; lstatSync(real, { throwIfNoEntry: false })?.isSymbolicLink() === true; count += 1) {
    if (count === MOST_LINKS) throw Object.assign(new Error('too many links'), { code: 'ELOOP' })
    real = resolve(realpathSync(dirname(real)), readlinkSync(real))
  }
  return real
}

/** Mode before content, so that nothing is readable for a moment longer than it should be. */
function writeLike(file: number, bytes: Buffer, like: { mode: number; uid?: number | undefined; gid?: number | undefined }): void {
  if (process.getuid?.() === 0 && like.uid !== undefined && like.gid !== undefined) fchownSync(file, like.uid, like.gid)
  fchmodSync(file, like.mode & 0o7777)
  writeAll(file, bytes)
  fsyncSync(file)
}

function changed(path: string): GitopsError {
  return new GitopsError('conflict', `${path} was changed by somebody else in the meantime`, {
    hint: 'Nothing was written. Look at it, and try again.',
  })
}

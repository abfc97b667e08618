import { mkdirSync, rmdirSync, utimesSync } from 'node:fs'
import type { AppLock } from '../model/lists.ts'
import { GitopsError } from '../model/errors.ts'
import { statOf } from './live.ts'
import { pause } from './pause.ts'

/** Milliseconds after which the protocol takes a lock that nobody refreshes for one whose owner is dead. */
const STALE = 10_000
/** Longer than that, so that a dead owner is never what we give up for. */
const PATIENCE = 12_000
const REFRESH = 2000

/** A lock that we hold. */
export interface Held {
  /** False when somebody has taken it over, as from a process that was asleep for long: what we write then would race. */
  readonly ours: () => boolean
}

const NO_LOCK: Held = { ours: () => true }

/**
 * Does something while we hold the lock by which an application guards a file of its own: `<file>.lock`, a directory, as the
 * npm package proper-lockfile makes it. Throws `contested` when it is held for longer than some seconds, `io` when it cannot be made.
 */
export async function withAppLock<T>(
  path: string,
  lock: AppLock | null,
  signal: AbortSignal,
  work: (held: Held) => Promise<T> | T,
): Promise<T> {
  if (lock === null) return work(NO_LOCK)
  const directory = `${path}.lock`
  await take(directory, path, signal)
  let known = markOf(directory)?.text
  // An inode's number is soon used again: the time tells one lock from the next.
  const ours = (): boolean => known !== undefined && markOf(directory)?.text === known
  const refresh = setInterval(() => {
    if (ours()) known = touched(directory)
  }, REFRESH)
  try {
    return await work({ ours })
  } finally {
    clearInterval(refresh)
    if (ours()) removeLock(directory)
  }
}

async function take(directory: string, path: string, signal: AbortSignal): Promise<void> {
  const begun = performance.now()
  let seen = { mark: '', at: begun }
  for (let wait = 5; ; wait = Math.min(wait * 1.5, 100)) {
    signal.throwIfAborted()
    if (made(directory, path)) return
    const mark = markOf(directory)
    const now = performance.now()
    if (mark === null) continue
    if (mark.text !== seen.mark) seen = { mark: mark.text, at: now }
    // The second look is for clocks that disagree: what nobody has refreshed before our eyes is dead too.
    if (Date.now() - mark.mtime > STALE || now - seen.at > STALE) {
      // Somebody else may have taken it over since we looked.
      if (markOf(directory)?.text === mark.text) removeLock(directory)
      if (made(directory, path)) return
    }
    if (now - begun > PATIENCE) throw heldBy(directory, path)
    // Not in step with whoever else waits.
    await pause(wait * (0.5 + Math.random() / 2), signal)
  }
}

function made(directory: string, path: string): boolean {
  try {
    mkdirSync(directory)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw new GitopsError('io', `${path} cannot be locked: ${(error as Error).message}`, {
      hint: 'See that its directory is yours to write; nothing was written.',
      cause: error,
    })
  }
}

function markOf(directory: string): { text: string; mtime: number } | null {
  const stat = statOf(directory)
  return stat === null ? null : { text: `${stat.ino} ${stat.mtimeMs}`, mtime: stat.mtimeMs }
}

/** Its mark with the time of now; undefined when it has been taken from us meanwhile. */
function touched(directory: string): string | undefined {
  const now = new Date()
  try {
    utimesSync(directory, now, now)
    return markOf(directory)?.text
  } catch {
    return undefined
  }
}

function removeLock(directory: string): void {
  try {
    rmdirSync(directory)
  } catch {
    // Another one was faster, or it is no directory: the next look tells.
  }
}

function heldBy(directory: string, path: string): GitopsError {
  const file = statOf(directory)?.isDirectory() === false
  return new GitopsError('contested', `${path} has been locked by another program for more than ${PATIENCE / 1000} seconds`, {
    hint: file
      ? `${directory} is not a directory, as its lock should be; remove it when no program uses it.`
      : `Nothing was written to it; the next run tries again. Nobody uses it? Then remove ${directory}.`,
  })
}

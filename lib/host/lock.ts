import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { describe, readOwner, UNKNOWN, writeOwner, type Owner } from './lock-owner.ts'
import type { Machine } from './machine.ts'
import { pause } from './pause.ts'
import { startOf } from './process-start.ts'

/** A holder that cannot be asked (another host or container) counts as dead after this many ms without a sign of life. */
const STALE = 10_000
const HEARTBEAT = 2_000

/** A held run lock. */
export interface Lock {
  /** Hands it to a child: the child's `adopt` takes this. */
  readonly token: string
  /** What runs that were killed have left in the lock directory; theirs may be elsewhere too. Once that is cleared away, these go. */
  readonly dead: readonly string[]
  /** Throws `locked` when another run has taken over: from then on nothing here is ours. */
  readonly ensure: () => void
  release(): void
}

/**
 * Takes the one run lock of a state directory. Each contender puts a file of its own name into the lock directory and holds the
 * lock when no other living one is there; so taking over from a dead owner needs no change to the disk, and cannot race.
 * Waits up to `limit` ms. Throws `locked`, saying who holds it.
 */
export async function acquire(state: AbsPath, machine: Machine, limit: number, signal: AbortSignal): Promise<Lock> {
  const directory = join(state, 'lock')
  makeDirectory(directory)
  const token = randomBytes(8).toString('hex')
  for (const until = Date.now() + limit; ;) {
    let others = look(directory, machine, token)
    if (others.living === null) {
      writeOwner(directory, token, machine, others.dead)
      others = look(directory, machine, token)
      if (others.living === null) return hold(directory, token, machine, others.dead)
      rmSync(join(directory, token), { force: true })
    }
    if (Date.now() >= until) throw busy(others.living)
    await pause(20 + Math.random() * 80, signal)
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw new GitopsError('io', `the lock directory ${path} cannot be made: ${(cause as Error).message}`, {
      hint: 'Move away what stands there, and see that the directory above it is yours to write.',
      cause,
    })
  }
}

/** Takes over the lock that our parent process holds. Throws `locked` when it is gone. */
export function adopt(state: AbsPath, machine: Machine, token: string): Lock {
  const directory = join(state, 'lock')
  if (!/^[0-9a-f]{16}$/.test(token) || readOwner(join(directory, token)) === null) {
    throw new GitopsError('locked', 'the run lock that the parent process handed over is gone', { hint: 'Run gitops again.' })
  }
  writeOwner(directory, token, machine, [])
  return hold(directory, token, machine, [])
}

/** Who holds the lock now, as a sentence, or null. */
export function holder(state: AbsPath, machine: Machine): string | null {
  try {
    const { living } = look(join(state, 'lock'), machine, null)
    return living === null ? null : describe(living)
  } catch {
    return null
  }
}

function hold(directory: string, token: string, machine: Machine, dead: readonly string[]): Lock {
  const path = join(directory, token)
  let lost: GitopsError | null = null
  let seen = performance.now()
  const still = (): boolean => {
    try {
      if (!isOurs(directory, token, machine, dead)) lost ??= takenOver()
      seen = performance.now()
    } catch (error) {
      // Nobody takes over from one who gave a sign of life so short a time ago: a disk that fails for a moment is no reason to stop.
      if (performance.now() - seen >= STALE) lost ??= unseen(directory, error)
    }
    return lost === null
  }
  const beat = setInterval(still, HEARTBEAT)
  beat.unref()
  return {
    token,
    dead,
    ensure() {
      if (!still()) throw lost ?? takenOver()
    },
    release() {
      clearInterval(beat)
      if (lost === null) attemptTo(() => rmSync(path, { force: true }))
    },
  }
}

/**
 * Gives a sign of life, and looks whether someone has taken over: in this order, as they do it the other way round, so that one of the
 * two sees the other. Throws when that cannot be seen.
 */
function isOurs(directory: string, token: string, machine: Machine, dead: readonly string[]): boolean {
  const path = join(directory, token)
  const mine = readOwner(path)
  // It is gone when one who took over has cleared it away, and does not come back.
  if (mine === null) return false
  // What has been damaged is written anew.
  if (mine === UNKNOWN) attemptTo(() => writeOwner(directory, token, machine, dead))
  else attemptTo(() => utimesSync(path, new Date(), new Date()))
  return !readdirSync(directory).some((name) => {
    const other = name === token ? null : readOwner(join(directory, name))
    return other !== null && other !== UNKNOWN && other.over.includes(token)
  })
}

/** A disk that is full or read-only by now must not end a run: the lock dies with its process. */
function attemptTo(what: () => void): void {
  try {
    what()
  } catch {
    // See above.
  }
}

/** Another living owner, if there is one, and the files of dead ones. */
function look(directory: string, machine: Machine, mine: string | null): { living: Owner | typeof UNKNOWN | null; dead: string[] } {
  let living: Owner | typeof UNKNOWN | null = null
  const dead: string[] = []
  for (const name of readdirSync(directory)) {
    const path = join(directory, name)
    if (name === mine) continue
    const other = readOwner(path)
    if (other !== null && other !== UNKNOWN && alive(other, path, machine)) living ??= other
    // A temporary file of a killed writer, or one that is just being written: only old ones count.
    else if ((other !== null && other !== UNKNOWN) || ageOf(path) > STALE) dead.push(path)
    // Its owner writes it anew, if there is one.
    else if (other === UNKNOWN) living ??= UNKNOWN
  }
  return { living, dead }
}

function alive(other: Owner, path: string, machine: Machine): boolean {
  if (other.host === machine.hostname && other.boot !== machine.boot) return false
  if (other.boot === machine.boot && other.namespace === machine.namespace && other.host === machine.hostname) {
    return startOf(other.pid) === other.start
  }
  return ageOf(path) < STALE
}

function ageOf(path: string): number {
  try {
    return Math.abs(Date.now() - statSync(path).mtimeMs)
  } catch {
    return Infinity
  }
}

function busy(other: Owner | typeof UNKNOWN): GitopsError {
  return new GitopsError('locked', `another gitops run is under way: ${describe(other)}`, {
    hint: 'Wait for it, with `--wait 5m` for as long as you like, or run again later.',
  })
}

function unseen(directory: string, error: unknown): GitopsError {
  return new GitopsError('locked', `for ten seconds it could not be seen whether another run has taken over: ${(error as Error).message}`, {
    hint: `See that ${directory} can be read. Nothing more is written; the next run undoes what was half done here.`,
  })
}

function takenOver(): GitopsError {
  return new GitopsError('locked', 'this process was stopped for longer than ten seconds and another run has taken over', {
    hint: 'It undoes what was half done here; nothing more is written. Run gitops again.',
  })
}

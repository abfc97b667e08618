import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { shortHash } from './hash.ts'
import { machine } from './machine.ts'
import { pauseSync } from './pause.ts'
import { isRunning, startOf } from './process-start.ts'

/** Milliseconds after which a run on another machine, or in another container, that cannot be asked counts as dead. */
const STALE = 60_000
/** Milliseconds that a run waits for another one to be done with the file. */
const PATIENCE = 10_000
/** Bytes of a file's name that its temporary one has room for. */
const LONGEST = 80

/** The right to replace a file, until its temporary file is renamed or removed. */
export interface Turn {
  /** Where the temporary file is: beside the file. */
  readonly temp: string
  /** Open for writing, empty, mode 0600. To be closed by whoever took the turn. */
  readonly file: number
}

/**
 * Waits until no other run is replacing the file. Each makes a temporary file whose name tells its process, and has its turn
 * when there is none of another living one; so taking over from a dead owner is only the removal of what it left.
 * Throws `conflict` when another one takes too long, and the system's errors.
 */
export function takeTurn(path: string): Turn {
  const directory = dirname(path)
  const name = basename(path)
  const prefix = `.${Buffer.byteLength(name) > LONGEST ? shortHash(name) : name}.`
  const me = ownerName(process.pid)
  for (const until = Date.now() + PATIENCE; ;) {
    const temp = join(directory, `${prefix}${me}-${randomBytes(4).toString('hex')}.gitops.tmp`)
    const file = openSync(temp, 'wx', 0o600)
    const other = otherAt(directory, prefix, basename(temp))
    if (other === null) return { temp, file }
    closeSync(file)
    rmSync(temp, { force: true })
    if (Date.now() > until) throw tooLong(path, other)
    // Two that see each other both step back, and not for the same time.
    pauseSync(5 + Math.random() * 40)
  }
}

/** A process among those of all machines that see the directory, as part of a file's name. */
function ownerName(pid: number): string {
  const { boot, namespace, hostname } = machine()
  return [pid, short(startOf(pid) ?? ''), short(`${hostname} ${boot} ${namespace}`)].join('-')
}

function short(text: string): string {
  return shortHash(text).slice(0, 8)
}

/** The process id of another living owner, or null. What dead ones have left is removed. */
function otherAt(directory: string, prefix: string, mine: string): number | null {
  let living: number | null = null
  for (const name of entries(directory)) {
    const owner = name.startsWith(prefix) && name !== mine ? OWNER.exec(name.slice(prefix.length))?.[1] : undefined
    if (owner === undefined) continue
    const path = join(directory, name)
    if (isAlive(owner, path)) living ??= Number.parseInt(owner, 10)
    else rmSync(path, { force: true })
  }
  return living
}

const OWNER = /^(\d+-[0-9a-f]{8}-[0-9a-f]{8})-[0-9a-f]{8}\.gitops\.tmp$/

/** A directory that may be written to need not be one that may be listed. */
function entries(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

function isAlive(owner: string, path: string): boolean {
  const pid = Number.parseInt(owner, 10)
  const here = ownerName(pid)
  if (here.split('-')[2] === owner.split('-')[2]) return isRunning(pid) && here === owner
  const stat = statSync(path, { throwIfNoEntry: false })
  return stat !== undefined && Math.abs(Date.now() - stat.mtimeMs) < STALE
}

function tooLong(path: string, pid: number): GitopsError {
  return new GitopsError('conflict', `${path} is being written by another gitops, process ${pid}, all the time`, {
    hint: 'Nothing was written. Wait for it, and try again.',
  })
}

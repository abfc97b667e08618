import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { ENDING_SIGNALS } from './ending-signals.ts'
import { shortHash } from './hash.ts'
import type { Machine } from './machine.ts'
import { isRunning } from './process-start.ts'
import { memoryDirectories, ownDirectory } from './stage.ts'
import { writeAll } from './write.ts'

/** Of the others the system may write our memory to the disk. */
const HARMLESS: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGTERM', 'SIGHUP'])

/**
 * Lends a plaintext to some work as a file that nobody else can read, in memory where the system offers that. The file and
 * all that was put beside it are gone afterwards, also when the work fails or a signal ends us; what a killed run left goes
 * with the next one. Throws `io` when there is no room for it.
 */
export async function withPrivateFile<T>(machine: Machine, name: string, bytes: Buffer, work: (path: string) => Promise<T>): Promise<T> {
  const made: string[] = []
  const clean = (): void => {
    for (const directory of made) rmSync(directory, { recursive: true, force: true })
  }
  const ended = (signal: NodeJS.Signals): void => {
    clean()
    // Whoever sent it sees that we died of it.
    const last = HARMLESS.has(signal) ? signal : 'SIGTERM'
    process.removeAllListeners(last)
    process.kill(process.pid, last)
  }
  for (const signal of ENDING_SIGNALS) process.on(signal, ended)
  try {
    return await work(put(machine, name, bytes, made))
  } finally {
    clean()
    for (const signal of ENDING_SIGNALS) process.off(signal, ended)
  }
}

/** Puts it into the first directory in memory that has room, never on a disk for want of room; what it makes goes into `made`. */
function put(machine: Machine, name: string, bytes: Buffer, made: string[]): string {
  const memory = memoryDirectories()
  const failed: string[] = []
  let cause: unknown
  for (const base of memory.length > 0 ? memory : [tmpdir()]) {
    const prefix = `gitops-edit-${shortHash(`${machine.uid} ${machine.namespace} ${machine.boot}`)}-`
    try {
      sweep(base, prefix)
      const directory = mkdtempSync(join(base, `${prefix}${machine.pid}-`))
      made.push(directory)
      return write(join(directory, name), bytes)
    } catch (error) {
      for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true })
      failed.push(`${base} (${(error as NodeJS.ErrnoException).code ?? 'error'})`)
      cause = error
    }
  }
  throw new GitopsError('io', `the plaintext for the editor cannot be put into ${failed.join(' or ')}`, { hint: 'Make room there.', cause })
}

function write(path: string, bytes: Buffer): string {
  const file = openSync(path, 'wx', 0o600)
  try {
    writeAll(file, bytes)
    return path
  } finally {
    closeSync(file)
  }
}

/** Removes what runs have left that were killed: of this user, on this machine, since it was started. */
function sweep(base: string, prefix: string): void {
  for (const name of existsSync(base) ? readdirSync(base) : []) {
    const pid = name.startsWith(prefix) ? /^(\d+)-/.exec(name.slice(prefix.length))?.[1] : undefined
    const path = join(base, name)
    if (pid !== undefined && !isRunning(Number(pid)) && ownDirectory(path)) rmSync(path, { recursive: true, force: true })
  }
}

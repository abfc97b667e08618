import { basename, join } from 'node:path'
import type { Machine } from './machine.ts'
import { startOf } from './process-start.ts'
import { readRegular } from './read.ts'
import { writeAtomic } from './write.ts'

/** Bytes: what is larger is no lock of ours. */
const LARGEST = 1 << 16

/** What a contender for the run lock says of itself. */
export interface Owner {
  readonly pid: number
  /** When the process started, in the system's own terms: tells a process from a later one with the same id. */
  readonly start: string
  readonly boot: string
  readonly namespace: string
  readonly host: string
  readonly since: string
  /** What it was called as; nothing that was typed behind that. */
  readonly command: string
  /** The files of those it has taken over from: by that one who was only stopped knows it, as long as its own is still there. */
  readonly over: readonly string[]
}

/** What is there when a file says nothing that can be read: someone may have it, until it is old. */
export const UNKNOWN = 'unknown'

/** Puts this process's own file into the lock directory. */
export function writeOwner(directory: string, token: string, machine: Machine, dead: readonly string[]): void {
  const { boot, namespace, hostname, command } = machine
  const me: Owner = {
    pid: process.pid,
    start: startOf(process.pid) ?? '',
    boot,
    namespace,
    host: hostname,
    since: new Date().toISOString(),
    command,
    over: dead.map((path) => basename(path)),
  }
  writeAtomic(join(directory, token), JSON.stringify(me), false)
}

/** Who a file in the lock directory is of; null when it is not there, or no owner's. Throws `io` when the machine has no room to open it. */
export function readOwner(path: string): Owner | typeof UNKNOWN | null {
  if (path.endsWith('.tmp')) return null
  const bytes = readRegular(path, LARGEST)
  if (bytes === 'nothing') return null
  try {
    const { pid, start, boot, namespace, host, since, command = 'gitops', over = [] } = JSON.parse(bytes.toString()) as Partial<Owner>
    const texts = [start, boot, namespace, host, since, command].every((text) => typeof text === 'string')
    return Number.isInteger(pid) && texts && Array.isArray(over)
      ? ({ pid, start, boot, namespace, host, since, command, over } as Owner)
      : UNKNOWN
  } catch {
    return UNKNOWN
  }
}

/** An owner, for a message. */
export function describe(other: Owner | typeof UNKNOWN): string {
  if (other === UNKNOWN) return 'its lock file cannot be read, and is younger than ten seconds'
  return `process ${other.pid} on ${other.host}, since ${other.since}, ${other.command}`
}

import { existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, closeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { shortHash } from './hash.ts'
import type { Machine } from './machine.ts'
import { isRunning } from './process-start.ts'
import { memoryDirectory, ownDirectory } from './stage.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Lends a plaintext to some work as a file that nobody else can read, in memory where the system offers that. The file and
 * all that was put beside it are gone afterwards, also when the work fails or a signal ends us; what a killed run left goes
 * with the next one.
 */
export async function withPrivateFile<T>(machine: Machine, name: string, bytes: Buffer, work: (path: string) => Promise<T>): Promise<T> {
  const base = memoryDirectory() ?? tmpdir()
  const prefix = `gitops-edit-${shortHash(`${machine.uid} ${machine.namespace} ${machine.boot}`)}-`
  sweep(base, prefix)
  const directory = mkdtempSync(join(base, `${prefix}${machine.pid}-`))
  const clean = (): void => rmSync(directory, { recursive: true, force: true })
  const ended = (signal: NodeJS.Signals): void => {
    clean()
    for (const each of SIGNALS) process.off(each, ended)
    // Whoever sent it sees that we died of it.
    process.kill(process.pid, signal)
  }
  for (const signal of SIGNALS) process.on(signal, ended)
  try {
    const path = join(directory, name)
    const file = openSync(path, 'wx', 0o600)
    try {
      writeFileSync(file, bytes)
    } finally {
      closeSync(file)
    }
    return await work(path)
  } finally {
    clean()
    for (const signal of SIGNALS) process.off(signal, ended)
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

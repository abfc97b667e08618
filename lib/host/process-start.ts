import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { withSafePath } from './child-env.ts'

/**
 * When a process started, in the system's own terms, or null when there is none: tells a process from a later one with the
 * same id. Field 22 of its stat on Linux; elsewhere `ps` tells.
 */
export function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? null : (fields[19] ?? '')
  } catch {
    if (process.platform === 'linux') return null
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: withSafePath(process.env),
    }).trim()
  } catch {
    return null
  }
}

/** Whether there is a process of that id. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

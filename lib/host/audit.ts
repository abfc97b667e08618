import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AuditRecord } from '../model/audit.ts'
import { GitopsError } from '../model/errors.ts'
import { pauseSync } from './pause.ts'

/** Milliseconds in which a write that is under way has gone on, also on a machine with too much to do. */
const WRITING = 500
/** Milliseconds between two looks at one. */
const LOOK = 10

/** Appends one record by one write, so that two processes never interleave. A line that a crash cut off is ended first. */
export function appendAudit(path: string, record: AuditRecord): void {
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, 'a+', 0o600)
  try {
    if (fstatSync(file).isFIFO()) throw notAFile(path)
    writeSync(file, `${isCut(file) ? '\n' : ''}${JSON.stringify(record)}\n`)
  } finally {
    closeSync(file)
  }
}

/** Whether the last line lacks its end and nobody is writing it: another process's write may be seen when it is half done. */
function isCut(file: number): boolean {
  for (let seen = -1, looks = 0; ; looks += 1, pauseSync(LOOK)) {
    const { size } = fstatSync(file)
    const last = Buffer.alloc(1)
    if (size === 0 || readSync(file, last, 0, 1, size - 1) === 0 || last[0] === 10) return false
    if (size !== seen) looks = 0
    else if (looks * LOOK >= WRITING) return true
    seen = size
  }
}

function notAFile(path: string): GitopsError {
  return new GitopsError('environment', `the audit trail ${path} is not a file`, {
    hint: 'Move it away, or name another one in the config.',
  })
}

/** Every record that can be read, oldest first. Lines that are no records of ours are passed over. Throws `environment` for what is no file. */
export function readAudit(path: string): AuditRecord[] {
  if (!existsSync(path)) return []
  // Who reads a pipe may wait for ever.
  if (!statSync(path).isFile()) throw notAFile(path)
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const record = JSON.parse(line) as AuditRecord
        return typeof record.timestamp === 'string' && Array.isArray(record.paths) ? [record] : []
      } catch {
        return []
      }
    })
}

import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AuditRecord } from '../model/audit.ts'

/** Appends one record by one write, so that two processes never interleave. A line that a crash cut off is ended first. */
export function appendAudit(path: string, record: AuditRecord): void {
  mkdirSync(dirname(path), { recursive: true })
  const file = openSync(path, 'a+', 0o600)
  try {
    const { size } = fstatSync(file)
    const last = Buffer.alloc(1)
    const cut = size > 0 && readSync(file, last, 0, 1, size - 1) === 1 && last[0] !== 10
    writeSync(file, `${cut ? '\n' : ''}${JSON.stringify(record)}\n`)
  } finally {
    closeSync(file)
  }
}

/** Every record that can be read, oldest first. Lines that are no records of ours are passed over. */
export function readAudit(path: string): AuditRecord[] {
  if (!existsSync(path)) return []
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

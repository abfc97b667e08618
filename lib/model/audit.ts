import type { OutcomeKind } from './outcome.ts'
import type { Reason } from './verdict.ts'

/** What kinds of things audit records tell. */
export const CHANGE_TYPES = [
  'applied',
  'healed',
  'rolled-back',
  'refused',
  'failed',
  'stuck',
  'rollback',
  'recovered',
  'notify-failed',
  'pinned',
  'unpinned',
  'suspended',
  'resumed',
  'another-machine',
] as const
/** What kind of thing an audit record tells. */
export type ChangeType = (typeof CHANGE_TYPES)[number]

/** One line of the audit trail. The first five fields are the ones that scripts written for the original log read. */
export interface AuditRecord {
  /** Local time with its offset, to the second, as `date -Iseconds` prints it. */
  readonly timestamp: string
  readonly change_type: ChangeType
  /** The paths that were written, joined by a comma and a blank; empty where nothing was. */
  readonly files: string
  readonly commit: string
  /** Who ran it. */
  readonly user: string
  /** The same, as a list; of a refusal those that stand in the way, where they are known. */
  readonly paths: readonly string[]
  /** Who wrote the commit, as Git has it; null where there is none. */
  readonly author: string | null
  readonly source: string
  readonly targets: readonly string[]
  readonly outcome: OutcomeKind
  readonly reason: Reason | null
  readonly message: string
  readonly host: string
  readonly generation: number | null
}

/** A point in time as `date -Iseconds` prints it: `2026-01-31T09:15:00+01:00`. `offset` is in minutes east of UTC. */
export function isoSeconds(at: Date, offset: number): string {
  const local = new Date(at.getTime() + offset * 60_000).toISOString().slice(0, 19)
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.abs(offset) / 60)}:${two(Math.abs(offset) % 60)}`
}

/** Which records a question asks for; what is undefined does not matter. */
export interface AuditFilter {
  readonly user?: string
  /** Milliseconds since 1970. */
  readonly since?: number
  readonly type?: string
  /** A part of one of the paths. */
  readonly file?: string
}

/** Whether a record is asked for. */
export function asked(record: AuditRecord, filter: AuditFilter): boolean {
  return (
    (filter.user === undefined || record.user === filter.user) &&
    (filter.since === undefined || Date.parse(record.timestamp) >= filter.since) &&
    (filter.type === undefined || record.change_type === filter.type) &&
    (filter.file === undefined || record.paths.some((path) => path.includes(filter.file ?? '')))
  )
}

import { appendAudit } from '../lib/host/audit.ts'
import { isoSeconds, type AuditRecord, type ChangeType } from '../lib/model/audit.ts'
import { under } from '../lib/model/path.ts'
import type { Generation } from '../lib/model/state.ts'
import { writes } from '../lib/model/plan.ts'
import type { UnitOutcome } from '../lib/model/verdict.ts'
import { whoCommitted } from './author.ts'
import { knownOf } from './hold.ts'
import { leftByChecks } from './left-by-checks.ts'
import { planned, type Run, type Unit } from './run.ts'

/** One line for each unit that did something, or that failed in a new way. A run with nothing to do leaves none. */
export async function audit(run: Run, before: Run['status']): Promise<void> {
  for (const unit of run.units) {
    const type = unit.outcome === null ? null : typeOf(unit, unit.outcome, before)
    const author = type === null ? null : await authorOf(run, unit)
    const healed = unit.standingBy !== null && unit.generation !== null
    if (healed) writeDown(run, auditRecord(run, unit, { change_type: 'healed', commit: unit.commit ?? '' }))
    // What was healed beside it is told by then.
    const nothing = { files: '', paths: inTheWay(unit), generation: null }
    if (type !== null) writeDown(run, auditRecord(run, unit, { change_type: type, author, ...(healed && nothing) }))
    const { again } = unit
    if (again !== null && again.generation !== null && again.outcome === null)
      writeDown(run, auditRecord(run, again, { change_type: 'healed', outcome: 'applied', reason: 'Applied', message: leftByChecks(unit) }))
  }
}

/** Writes a record down. A trail that cannot be written is said, once, and stops nothing: what it tells of is done. */
export function writeDown(run: Run, record: AuditRecord): void {
  try {
    appendAudit(run.config.audit, record)
  } catch (error) {
    const note = `the audit trail ${run.config.audit} could not be written: ${(error as Error).message}`
    if (!run.notes.includes(note)) run.notes.push(note)
  }
}

/** A record of what became of a unit, with some of it said otherwise. */
export function auditRecord(run: Run, unit: Unit, rest: Pick<AuditRecord, 'change_type'> & Partial<AuditRecord>): AuditRecord {
  const now = run.host.now()
  const { outcome } = unit
  // Where nothing was written there are only the paths that somebody has to decide about.
  const wrote = unit.generation !== null
  const paths = wrote
    ? planned(unit).flatMap(({ root, plan }) => writes(plan.changes).map((change) => under(root, change.path)))
    : inTheWay(unit)
  return {
    timestamp: isoSeconds(now, -now.getTimezoneOffset()),
    files: wrote ? paths.join(', ') : '',
    commit: unit.pulled?.commit ?? unit.commit ?? '',
    user: run.host.machine.user,
    paths,
    author: null,
    source: unit.name,
    targets: planned(unit).map((part) => part.name),
    outcome: outcome?.kind ?? 'in-sync',
    reason: outcome?.reason ?? null,
    message: outcome?.message ?? '',
    host: run.host.machine.hostname,
    generation: unit.generation?.number ?? null,
    ...rest,
  }
}

/** The paths that somebody has to decide about before what was pulled can be applied. */
function inTheWay(unit: Unit): readonly string[] {
  const conflicts = planned(unit.refused ?? unit).flatMap(({ root, plan }) =>
    plan.changes.flatMap((change) => (change.kind === 'conflict' ? [under(root, change.path)] : [])),
  )
  return conflicts.length > 0 ? conflicts : (unit.outcome?.error?.paths ?? [])
}

/** What a unit's outcome is called in the trail; null when it is no news. */
function typeOf(unit: Unit, { kind, reason, revision, message }: UnitOutcome, before: Run['status']): ChangeType | null {
  // Well again without a change: the alerts tell of it, and so does the trail.
  if (kind === 'in-sync') return knownOf({ status: before }, unit.name).alerted === null ? null : 'recovered'
  if (kind === 'applied') return unit.why === 'heal' ? 'healed' : 'applied'
  if (kind === 'rolled-back' || kind === 'stuck') return kind
  if (reason === 'Suspended') return null
  const last = knownOf({ status: before }, unit.name).attempted
  const same = last !== null && last.outcome === kind && last.reason === reason && last.commit === (revision ?? null)
  return same && (reason === 'Held' || reason === 'BackingOff' || last.message === message) ? null : kind
}

/** Who wrote the pulled commit; a generation knows it already, unless an older one is healed while that is held. */
async function authorOf(run: Run, unit: Unit): Promise<string | null> {
  if (unit.generation !== null && unit.commit === unit.pulled?.commit) return unit.generation.author
  return (await whoCommitted(run, { ...unit, commit: unit.pulled?.commit ?? null })).author
}

/** The record of a generation that was taken back outside of any reconcile. */
export function auditGeneration(run: Run, generation: Generation, type: 'rollback' | 'recovered', left: readonly string[]): void {
  const now = run.host.now()
  const paths = generation.steps.flatMap((step) => (step.kind === 'mkdir' || step.kind === 'rmdir' ? [] : [step.path]))
  writeDown(run, {
    timestamp: isoSeconds(now, -now.getTimezoneOffset()),
    change_type: type,
    files: paths.join(', '),
    commit: generation.commit ?? '',
    user: run.host.machine.user,
    paths,
    author: null,
    source: generation.unit,
    targets: [],
    outcome: 'rolled-back',
    reason: null,
    message: left.length === 0 ? '' : `left alone: ${left.join(', ')}`,
    host: run.host.machine.hostname,
    generation: generation.number,
  })
}

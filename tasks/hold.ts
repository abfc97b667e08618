import { digestOf } from '../lib/host/hash.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isRefused, killedAgain, KILLS, without, withFailure, type Failure, type Refusal } from '../lib/model/refusal.ts'
import { span } from '../lib/model/schedule.ts'
import { EMPTY_SOURCE, type Applied, type SourceStatus } from '../lib/model/state.ts'
import type { Run, Unit } from './run.ts'

/** What is known of a source. */
export function knownOf({ status }: Pick<Run, 'status'>, source: string): SourceStatus {
  const { sources } = status
  // A source may be called `toString`.
  return (Object.hasOwn(sources, source) ? sources[source] : null) ?? EMPTY_SOURCE
}

/** Writes down, durably, what is known of a source by now. */
export function know(run: Run, source: string, change: Partial<SourceStatus>): void {
  run.status = { ...run.status, sources: { ...run.status.sources, [source]: { ...knownOf(run, source), ...change } } }
  run.host.store.saveStatus(run.status, true)
}

/** What is remembered against what a unit wants, or null. */
export function refusalOf(run: Run, unit: Unit): Refusal | null {
  return knownOf(run, unit.name).refused.find(({ desired }) => desired === unit.desired) ?? null
}

/** Throws `held` or `backing-off` for a revision that is not to be tried now. */
export function heldBack(run: Run, unit: Unit): void {
  const refusal = refusalOf(run, unit)
  const now = run.host.now().getTime()
  if (refusal === null || run.options.retry || !isRefused(refusal, now)) return
  const [why = ''] = refusal.reason.split('\n')
  const because = why === '' ? '' : ` (${why})`
  if (refusal.next === null)
    throw new GitopsError('held', `this revision was rolled back and is held${because}`, {
      hint: 'New content, changed targets or checks, or `gitops retry` tries again.',
    })
  throw new GitopsError(
    'backing-off',
    `this revision was rolled back and is tried again in ${span(Date.parse(refusal.next) - now)}${because}`,
    {
      hint: '`gitops retry` tries it now.',
    },
  )
}

/** A unit's revision is to blame for what went wrong. Returns what is remembered. `hold` tries it no more. */
export function blameRevision(run: Run, unit: Unit, hold: boolean): Refusal | null {
  if (unit.commit === null || unit.outcome === null) return null
  const [reason = ''] = unit.outcome.message.split('\n')
  remember(run, unit.name, { desired: unit.desired, commit: unit.commit, reason, class: 'health', hold })
  return refusalOf(run, unit)
}

/** What a person takes back is not applied again, whatever the source says next. */
export function refuseByHand(run: Run, source: string, { desired, commit }: Pick<Applied, 'desired' | 'commit'>, reason: string): void {
  remember(run, source, { desired, commit, reason, class: 'by-hand', hold: true })
}

/** Forgets what is remembered against what is live again. */
export function releaseRevision(run: Run, source: string, desired: string): void {
  const known = knownOf(run, source).refused
  const refused = without(known, desired)
  if (refused !== known) know(run, source, { refused })
}

/** Notes, durably, that a new revision is about to be tried: from its first secret on it may be what kills the run. */
export function noteTrying(run: Run, { name, desired, commit, why }: Unit): void {
  if (!run.host.dry && why === 'revision' && commit !== null) know(run, name, { trying: { desired, commit } })
}

/** The attempt has ended, well or not. */
export function noteTried(run: Run, { name }: Unit): void {
  if (knownOf(run, name).trying !== null) know(run, name, { trying: null })
}

/** What an earlier run tried and came to no end with killed it: one time it was bad luck; several times in a row it is the revision. */
export function noteKilled(run: Run, { name }: Unit): void {
  const known = knownOf(run, name)
  const { trying } = known
  // What went live was killed at its bookkeeping.
  if (trying === null || trying.desired === run.inventory.applied.get(name)?.desired) return
  const killed = killedAgain(known.killed, trying.desired)
  if (killed.times < KILLS) return know(run, name, { killed, trying: null })
  const reason = `${KILLS} runs in a row were killed while they applied it`
  remember(run, name, { ...trying, reason, class: 'killed', hold: false })
  know(run, name, { killed: null, trying: null })
}

function remember(run: Run, source: string, failure: Omit<Failure, 'at' | 'jitter'>): void {
  const at = run.host.now()
  const known = knownOf(run, source).refused
  const jitter = Number.parseInt(digestOf(`${run.host.machine.id}${failure.desired}${known.length}`).slice(-8), 16) / 0xffffffff
  know(run, source, { refused: withFailure(known, { ...failure, at, jitter }, run.config.retry) })
}

import type { OutcomeKind } from '../lib/model/outcome.ts'
import type { SourceStatus } from '../lib/model/state.ts'
import type { Seen } from './known-now.ts'
import { changes, interrupted, type Run, type Unit } from './run.ts'
import { isForgotten } from './secrets.ts'

/** What is wrong with a source; `in-sync` stands for nothing. */
interface Wrong {
  readonly outcome: OutcomeKind
  readonly problem: string | null
}

/** What a reconcile would run into now, or else what the last attempt ran into and nobody knows to be mended. */
export function wrong(run: Run, unit: Unit, attempted: SourceStatus['attempted']): Wrong {
  const code = unit.outcome?.error?.code
  const error = code === 'held' || code === 'backing-off' ? null : (unit.outcome?.error ?? null)
  // A source that nobody has asked yet is no failure.
  const unasked = unit.pulled === null && !run.options.fetch && attempted === null
  const now = unit.outcome !== null && error !== null ? { outcome: unit.outcome.kind, problem: unit.outcome.message } : null
  // Why the last attempt could not fetch says more than that nothing was fetched.
  if (now !== null && unit.pulled === null && !run.options.fetch && attempted !== null && attempted.commit === null)
    return { outcome: attempted.outcome, problem: attempted.message }
  if (now !== null) return unasked ? { ...now, outcome: 'in-sync' } : now
  if (unit.pulled !== null && unit.pulled.problem !== null) return { outcome: 'in-sync', problem: unit.pulled.problem }
  if (attempted !== null && unseen(unit, attempted)) return { outcome: 'refused', problem: attempted.message }
  // What failed only because the source did not answer is mended once it has.
  const answered = run.options.fetch && attempted?.commit === null
  if (attempted === null || answered || (attempted.outcome !== 'failed' && attempted.outcome !== 'stuck'))
    return { outcome: 'in-sync', problem: hostKeyLost(run, unit) }
  return { outcome: attempted.outcome, problem: attempted.message }
}

/** What is known of the last attempt; nothing where a later one was killed, or is under way, but that a person is needed. */
export function latest(run: Run, attempted: SourceStatus['attempted']): SourceStatus['attempted'] {
  return interrupted(run) && attempted?.outcome !== 'stuck' ? null : attempted
}

/** How a run would end that fails by now; null where nothing shows that. */
export function failing({ outcome }: Unit): Seen['ended'] {
  return outcome === null || outcome.error === null ? null : { ...outcome, outcome: outcome.kind }
}

/** That all is well by now, in the words of the last attempt where that went well. */
export function sound(attempted: SourceStatus['attempted']): Seen['ended'] {
  const before = attempted !== null && (attempted.outcome === 'applied' || attempted.outcome === 'in-sync') ? attempted : null
  return { outcome: 'in-sync', reason: before?.reason === 'Applied' ? 'Applied' : 'InSync', message: before?.message ?? '' }
}

/** Why what has not changed is to be decrypted once more, or null. */
function hostKeyLost(run: Run, unit: Unit): string | null {
  const names = unit.secrets.filter((secret) => secret.objects !== null && isForgotten(run, secret)).map(({ name }) => name)
  if (names.length === 0) return null
  return `the host key ${run.config.hostKey} that knew ${names.join(', ')} is gone: \`gitops reconcile\` decrypts once more, which needs an identity, and makes a new key`
}

/** Whether the very revision that is current was refused for something that looking without touching cannot see: in a secret, or by a check. */
function unseen(unit: Unit, { commit, outcome, reason }: NonNullable<SourceStatus['attempted']>): boolean {
  if (
    outcome !== 'refused' ||
    reason === 'Held' ||
    reason === 'BackingOff' ||
    commit === null ||
    commit !== unit.pulled?.commit ||
    !changes(unit)
  )
    return false
  return reason === 'ValidationFailed' || unit.secrets.some(({ plan }) => plan.changes.some((change) => change.kind === 'decrypt'))
}

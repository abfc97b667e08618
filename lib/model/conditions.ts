import type { OutcomeKind } from './outcome.ts'
import type { Refusal } from './refusal.ts'
import type { Reason } from './verdict.ts'

/** What a condition is about: what is live is what is wanted; something is tried again by itself; somebody has to do something. */
export type ConditionType = 'Ready' | 'Reconciling' | 'Stalled'

/** Why a condition is as it is: a closed list that other programs can rely on. */
export type ConditionReason =
  | Reason
  /** A revision was taken back, and what was applied before it is live. */
  | 'RolledBack'
  | 'RolledBackByHand'
  /** It failed as often as it may. */
  | 'RetriesExceeded'
  /** What is live is not what is wanted, and the next run sees to it. */
  | 'OutOfSync'
  /** The next run tries again. */
  | 'Retrying'
  /** Nothing of the kind. */
  | 'None'

/** One thing that is known of a source, as `status` and other tools are told it. */
export interface Condition {
  readonly type: ConditionType
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: ConditionReason
  /** One sentence for a person. */
  readonly message: string
  /** Since when the status is what it is, in ISO 8601. */
  readonly since: string
}

/** How the last attempt at a source ended. */
export interface Attempted {
  readonly outcome: OutcomeKind
  readonly reason: Reason
  readonly message: string
  /** What is remembered against what the source asks for now. */
  readonly refusal: Refusal | null
}

/** What is known of a source between two attempts. */
export interface Now {
  /** How the last attempt ended; null before the first. */
  readonly attempted: Omit<Attempted, 'refusal'> | null
  /** What is remembered against what the source asks for. */
  readonly refusal: Refusal | null
  /** Why nothing is done for it, while a person wants that; null otherwise. */
  readonly suspended: string | null
  /** Whether a killed run is still to be undone. */
  readonly interrupted: boolean
  /** Why what is live is not what is wanted, in a sentence; null where nobody knows of such a thing. */
  readonly behind: string | null
}

/** What holds of a source at `at`, from all that is known by then; none before the first attempt. */
export function conditionsNow(now: Now, before: readonly Condition[], at: string): readonly Condition[] {
  const { attempted, refusal, suspended, interrupted, behind } = now
  const told = (outcome: OutcomeKind, reason: Reason, message: string, against: Refusal | null = null): readonly Condition[] =>
    conditionsAfter({ outcome, reason, message, refusal: against }, before, at)
  if (interrupted) return told('failed', 'Interrupted', 'A run was killed half-way; the next `gitops reconcile` undoes it first')
  if (suspended !== null) return told('refused', 'Suspended', suspended)
  if (refusal !== null) return told('refused', refusal.held ? 'Held' : 'BackingOff', refusal.reason, refusal)
  if (attempted === null) return before
  const well = attempted.outcome === 'in-sync' || attempted.outcome === 'applied'
  // That it was left alone says nothing any more once it is not.
  const over = attempted.reason === 'Suspended'
  if (!well && !over) return told(attempted.outcome, attempted.reason, attempted.message)
  const sound = told('in-sync', over ? 'InSync' : attempted.reason, attempted.message)
  const why = behind ?? (over ? 'It was resumed, and the next run looks' : null)
  if (why === null) return sound
  const since = before.find(({ type }) => type === 'Ready')
  const ready: Condition = {
    type: 'Ready',
    status: 'False',
    reason: 'OutOfSync',
    message: why,
    since: since?.status === 'False' ? since.since : at,
  }
  return sound.map((condition) => (condition.type === 'Ready' ? ready : condition))
}

type Known = Omit<Condition, 'since' | 'type'>

const NONE: Known = { status: 'False', reason: 'None', message: '' }

/** What passes by itself, and tells nothing of what is wanted. */
const PASSING: ReadonlySet<Reason> = new Set(['FetchFailed', 'Interrupted', 'Locked'])

/** What is known of a source after an attempt at `at`; where a status did not change it keeps its `since`. */
export function conditionsAfter(attempted: Attempted, before: readonly Condition[], at: string): readonly Condition[] {
  const found: readonly (readonly [ConditionType, Known])[] = [
    ['Ready', ready(attempted)],
    ['Reconciling', reconciling(attempted)],
    ['Stalled', stalled(attempted)],
  ]
  return found.map(([type, known]) => {
    const last = before.find((condition) => condition.type === type)
    const { status, reason, message } = known
    return { type, status, reason, message, since: last?.status === status ? last.since : at }
  })
}

function ready({ outcome, reason, message, refusal }: Attempted): Known {
  if (outcome === 'in-sync' || outcome === 'applied') return { status: 'True', reason, message }
  if (PASSING.has(reason)) return { status: 'Unknown', reason, message }
  return refusal === null ? { status: 'False', reason, message } : { status: 'False', reason: 'RolledBack', message: refusal.reason }
}

function reconciling({ outcome, reason, message, refusal }: Attempted): Known {
  if (refusal !== null && !refusal.held)
    return { status: 'True', reason: 'BackingOff', message: `It is tried again after ${refusal.next ?? ''}` }
  const again = PASSING.has(reason) || (refusal === null && (outcome === 'rolled-back' || (outcome === 'failed' && !NEEDS.has(reason))))
  return again ? { status: 'True', reason: 'Retrying', message } : NONE
}

/** What fails again and again until somebody does something about it. */
const NEEDS: ReadonlySet<Reason> = new Set(['NoSuchRef', 'NoSuchPath', 'EnvironmentFailed', 'ConfigInvalid'])

function stalled({ outcome, reason, message, refusal }: Attempted): Known {
  if (outcome === 'stuck') return { status: 'True', reason, message }
  if (refusal !== null) {
    const why = refusal.class === 'by-hand' ? 'RolledBackByHand' : 'RetriesExceeded'
    return refusal.held ? { status: 'True', reason: why, message: refusal.reason } : NONE
  }
  return outcome === 'refused' || (outcome === 'failed' && NEEDS.has(reason)) ? { status: 'True', reason, message } : NONE
}

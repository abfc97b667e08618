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

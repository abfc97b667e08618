import { expect, test } from 'vitest'
import { conditionsAfter, type Attempted, type Condition } from '../../lib/model/conditions.ts'
import type { OutcomeKind } from '../../lib/model/outcome.ts'
import type { Sha } from '../../lib/model/path.ts'
import type { Refusal, RefusalClass } from '../../lib/model/refusal.ts'
import type { Reason } from '../../lib/model/verdict.ts'

const ended = (outcome: OutcomeKind, reason: Reason, refusal: Refusal | null = null): Attempted => ({
  outcome,
  reason,
  message: 'said',
  refusal,
})

function refusal(held: boolean, of: RefusalClass): Refusal {
  return {
    desired: 'd',
    commit: 'c' as Sha,
    attempts: 1,
    first: 't',
    last: 't',
    next: held ? null : 'later',
    reason: 'why',
    class: of,
    held,
  }
}

const said = (known: readonly Condition[]): string[] => known.map(({ type, status, reason }) => `${type}=${status} ${reason}`)

test.for<[Attempted, string[]]>([
  [ended('in-sync', 'InSync'), ['True InSync', 'False None', 'False None']],
  [ended('applied', 'Applied'), ['True Applied', 'False None', 'False None']],
  [ended('failed', 'FetchFailed'), ['Unknown FetchFailed', 'True Retrying', 'False None']],
  [ended('failed', 'EnvironmentFailed'), ['False EnvironmentFailed', 'False None', 'True EnvironmentFailed']],
  [ended('rolled-back', 'EnvironmentFailed'), ['False EnvironmentFailed', 'True Retrying', 'False None']],
  [ended('refused', 'Conflict'), ['False Conflict', 'False None', 'True Conflict']],
  [ended('stuck', 'Stuck'), ['False Stuck', 'False None', 'True Stuck']],
  [ended('rolled-back', 'SmokeFailed', refusal(false, 'health')), ['False RolledBack', 'True BackingOff', 'False None']],
  [ended('refused', 'Held', refusal(true, 'health')), ['False RolledBack', 'False None', 'True RetriesExceeded']],
  [ended('refused', 'Held', refusal(true, 'by-hand')), ['False RolledBack', 'False None', 'True RolledBackByHand']],
])('%o is told as three conditions', ([attempted, expected]) => {
  expect(said(conditionsAfter(attempted, [], 'now'))).toEqual(
    expected.map((text, index) => `${['Ready', 'Reconciling', 'Stalled'][index]}=${text}`),
  )
})

test('a condition keeps its since as long as its status is the same, whatever the reason', () => {
  const first = conditionsAfter(ended('failed', 'NoSuchRef'), [], 'first')
  const second = conditionsAfter(ended('refused', 'Conflict'), first, 'second')
  expect(second.map(({ since }) => since)).toEqual(['first', 'first', 'first'])
  const third = conditionsAfter(ended('applied', 'Applied'), second, 'third')
  expect(third.map(({ since }) => since)).toEqual(['third', 'first', 'third'])
})

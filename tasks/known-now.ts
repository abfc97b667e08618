import { fetchedAt } from '../lib/host/fetch.ts'
import { conditionsNow, type Condition } from '../lib/model/conditions.ts'
import type { OutcomeKind } from '../lib/model/outcome.ts'
import { short } from '../lib/model/path.ts'
import type { Refusal } from '../lib/model/refusal.ts'
import type { Reason } from '../lib/model/verdict.ts'
import { sayConditions } from './conditions-file.ts'
import { refusalsOf } from './desired.ts'
import { knownOf } from './hold.ts'
import { interrupted, type Run, type Unit } from './run.ts'
import { wished } from './suspension.ts'

/** What somebody has just seen of a source. */
export interface Seen {
  readonly refusal: Refusal | null
  /** How a run would end, where that is known; otherwise the last attempt counts. */
  readonly ended: { readonly outcome: OutcomeKind; readonly reason: Reason; readonly message: string } | null
  /** Whether a killed run is still to be undone. */
  readonly interrupted: boolean
  /** Why what is live is not what is wanted; null where nobody knows of such a thing. */
  readonly behind: string | null
}

/** The conditions of a source from what is known now, whatever was written down of them. */
export function conditionsOf(run: Run, source: string, { refusal, ended, interrupted, behind }: Seen): readonly Condition[] {
  const { attempted, suspended, conditions } = knownOf(run, source)
  const now = run.host.now()
  return conditionsNow(
    {
      // What is written down is from the same closed list.
      attempted: ended ?? (attempted === null ? null : { ...attempted, reason: (attempted.reason ?? 'Failed') as Reason }),
      refusal,
      suspended: suspended === null ? null : `suspended ${wished(suspended, null)}`,
      interrupted,
      behind,
    },
    conditions,
    now.toISOString(),
  )
}

/** Writes down, after a command that is no reconcile, what holds of each source now. */
export async function settleConditions(run: Run): Promise<void> {
  const sources = { ...run.status.sources }
  for (const unit of run.units.filter(({ source }) => source !== null)) {
    const { name } = unit
    const known = knownOf(run, name)
    const wanted = known.pinned?.commit ?? known.attempted?.commit ?? null
    const applied = run.inventory.applied.get(name)?.commit ?? null
    const behind = wanted === null || wanted === applied ? null : `${short(wanted)} is wanted, and the next run applies it`
    const refusal = wanted === null ? null : ((await refusalsOf(run, unit, wanted)).at(-1) ?? null)
    sources[name] = { ...known, conditions: conditionsOf(run, name, { refusal, ended: null, interrupted: interrupted(run), behind }) }
  }
  run.status = { ...run.status, sources }
  try {
    run.host.store.saveStatus(run.status, false)
    sayConditions(run, run.host.now().toISOString())
  } catch (error) {
    run.notes.push(`what holds now could not be written down: ${(error as Error).message}`)
  }
}

/** When the source last answered: a run that writes nothing may have asked it since the last that did. */
export function askedAt(run: Run, { name, pulled }: Unit): string | null {
  const written = knownOf(run, name).fetchedAt
  const seen = pulled === null ? null : fetchedAt(pulled.repository.gitDir, pulled.commit)
  return written !== null && (seen === null || seen < written) ? written : seen
}

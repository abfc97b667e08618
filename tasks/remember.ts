import { conditionsAfter } from '../lib/model/conditions.ts'
import { without } from '../lib/model/refusal.ts'
import type { SourceStatus } from '../lib/model/state.ts'
import { sayConditions } from './conditions-file.ts'
import { rememberContested } from './contested.ts'
import { knownOf } from './hold.ts'
import type { Run, Unit } from './run.ts'

/** Writes down what was attempted and what became of it, for the next run and for `status`. */
export function remember(run: Run): void {
  const at = run.host.now().toISOString()
  const sources = { ...run.status.sources }
  let durable = false
  for (const unit of run.units) {
    if (unit.outcome === null || unit.source === null) continue
    const before = knownOf(run, unit.name)
    const after = attempted(unit, before, at)
    // What is only told to people may be lost.
    durable ||= after.refused !== before.refused || after.killed !== before.killed || after.trying !== before.trying
    sources[unit.name] = after
  }
  rememberContested(run)
  const outcomes = run.units.flatMap(({ outcome }) => (outcome === null ? [] : [outcome.kind]))
  run.status = { ...run.status, sources, lastRun: { at, outcome: outcomes.join(','), message: '' }, configBroken: null }
  run.host.store.saveStatus(run.status, durable)
  sayConditions(run, at)
}

function attempted({ outcome, pulled, desired, standingBy, again }: Unit, before: SourceStatus, at: string): SourceStatus {
  if (outcome === null) return before
  const { kind, reason, message } = outcome
  // What its checks have left behind says nothing of the revision: it is live.
  const well = standingBy === null && (kind === 'applied' || kind === 'in-sync' || again !== null)
  const refused = well ? without(before.refused, desired) : before.refused
  const refusal = refused.find((each) => each.desired === desired) ?? null
  return {
    ...before,
    attempted: { commit: pulled === null ? null : (before.pinned?.commit ?? pulled.commit), at, outcome: kind, reason, message },
    fetchedAt: pulled === null ? before.fetchedAt : at,
    refused,
    // This run was not killed.
    killed: desired === '' ? before.killed : null,
    trying: desired === '' ? before.trying : null,
    conditions: conditionsAfter({ outcome: kind, reason, message, refusal }, before.conditions, at),
  }
}

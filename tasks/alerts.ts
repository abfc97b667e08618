import type { AuditRecord } from '../lib/model/audit.ts'
import type { Notifier } from '../lib/model/config.ts'
import type { Alerted } from '../lib/model/state.ts'
import type { UnitOutcome } from '../lib/model/verdict.ts'
import type { AlertEvent, NotifierContext } from '../lib/plugins/contract.ts'
import { auditRecord, writeDown } from './audit.ts'
import { know, knownOf } from './hold.ts'
import { hiding } from './hide.ts'
import type { Run, Unit } from './run.ts'

/** Tells the notifiers of each source whose state has changed: once when it goes bad, once when it is well again. */
export async function alerts(run: Run): Promise<void> {
  for (const unit of run.units) {
    const { outcome } = unit
    if (outcome === null) continue
    const known = knownOf(run, unit.name).alerted
    const next = stateOf(unit, outcome, known)
    if (next?.key === known?.key) continue
    await tell(run, unit, outcome, next === null ? 'recovered' : next.event)
    know(run, unit.name, { alerted: next })
  }
}

/** The bad state a source is in, under a key without anything that changes from run to run; null when it is well. What may pass by itself changes nothing. */
function stateOf(unit: Unit, { kind, reason }: UnitOutcome, known: Alerted | null): Alerted | null {
  if (kind === 'in-sync' || kind === 'applied') return null
  // What this machine lacks is for a person, whichever revision asks for it; a network that is down is not.
  if (reason === 'EnvironmentFailed') return { event: kind, key: reason }
  // That is what a person wants.
  if (kind === 'failed' || reason === 'Suspended') return known
  // A held revision is refused again and again: that is the rollback, or the standstill, of which somebody has heard.
  const again = reason === 'Held' || reason === 'BackingOff'
  if (again && known?.event === 'stuck' && known.key.endsWith(unit.desired)) return known
  const event = again ? 'rolled-back' : kind
  return { event, key: `${event}:${event === 'rolled-back' ? '' : reason}:${unit.desired}` }
}

async function tell(run: Run, unit: Unit, outcome: UnitOutcome, event: AlertEvent['event']): Promise<void> {
  const alert: AlertEvent = {
    kind: 'alert',
    event,
    name: run.config.name,
    host: run.host.machine.hostname,
    source: unit.name,
    revision: outcome.revision,
    reason: outcome.reason,
    message: outcome.message,
    at: run.host.now().toISOString(),
  }
  for (const notifier of run.config.notify.filter((known) => known.on.includes(event))) {
    try {
      await send(run, notifier, alert)
    } catch (error) {
      writeDown(run, failureOf(run, unit, error as Error))
    }
  }
}

/** Nothing of the unit's own story is told again. */
function failureOf(run: Run, unit: Unit, { message }: Error): AuditRecord {
  const nothing = { files: '', paths: [], outcome: 'failed', reason: null, generation: null } as const
  return auditRecord(run, unit, { change_type: 'notify-failed', message, ...nothing })
}

function send(run: Run, { name, send: body, timeout }: Notifier, alert: AlertEvent): Promise<void> {
  return run.host.attempt({
    what: `${name}: it`,
    run: typeof body === 'string' ? body : ({ signal }: NotifierContext) => body(alert as never, { signal } as never),
    input: `${JSON.stringify(alert)}\n`,
    cwd: run.config.home,
    home: run.config.home,
    source: alert.source,
    revision: alert.revision,
    stage: null,
    timeout,
    // An interrupted run still tells.
    signal: new AbortController().signal,
    hide: hiding(run),
  })
}

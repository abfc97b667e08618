import { GitopsError } from '../lib/model/errors.ts'
import type { Applied, Inventory } from '../lib/model/state.ts'
import { auditGeneration } from './audit.ts'
import { departed } from './departed.ts'
import { refuseConflicts } from './drift.ts'
import { commit } from './generation.ts'
import { know, knownOf, refuseByHand } from './hold.ts'
import { refuseHidden } from './moved-root.ts'
import { recover } from './recover.ts'
import { rollback } from './rollback.ts'
import { fail, interrupted, type Run, type Unit } from './run.ts'
import { departedSecrets } from './secret-departed.ts'
import { write } from './sync.ts'
import { refuseWrong } from './verify.ts'

/** What leaving is about. */
export interface Leaving {
  /** Null for every source. */
  readonly source: string | null
  /** Whether also what declares `onRemove: 'leave'` goes. */
  readonly all: boolean
  /** Whether what is applied now is held, so that the next reconcile does not bring it again. */
  readonly hold: boolean
}

/**
 * Takes all that is ours away and puts back what was there before us, as one generation a source: live together, or not at all. A dry run
 * only plans it. Returns the units as they were planned.
 * Throws `usage` for a source that there is not, `conflict` before anything is written, or what the undoing of a failure ends with.
 */
export async function leave(run: Run, leaving: Leaving): Promise<Unit[]> {
  if (interrupted(run) && !run.host.dry) await recover(run)
  const { source } = leaving
  if (source !== null && run.units.every(({ name }) => name !== source))
    throw new GitopsError('usage', `there is no source ${JSON.stringify(source)}`, {
      hint: `Known: ${run.units.map(({ name }) => name).join(', ')}.`,
    })
  refuseHidden(run.inventory)
  // Nothing is declared any more: everything of ours has left.
  const without: Run = {
    ...run,
    config: { ...run.config, sources: [], targets: [], secrets: [] },
    inventory: leaving.all ? withoutLeaving(run.inventory) : run.inventory,
  }
  const units: Unit[] = []
  for (const known of run.units.filter(({ name }) => (source ?? name) === name)) {
    const unit: Unit = { ...known, source: null, why: 'removed', undos: [] }
    unit.targets = await departed(without, unit)
    unit.secrets = await departedSecrets(without, unit, null)
    refuseConflicts(unit)
    if (unit.targets.length + unit.secrets.length > 0) units.push(unit)
  }
  if (!run.host.dry) await perform(run, units, leaving.hold)
  return units
}

function withoutLeaving(inventory: Inventory): Inventory {
  const restored = <K, V extends object>(all: ReadonlyMap<K, V>): Map<K, V & { onRemove: 'restore' }> =>
    new Map([...all].map(([key, value]) => [key, Object.assign({}, value, { onRemove: 'restore' as const })]))
  return { ...inventory, targets: restored(inventory.targets), secrets: restored(inventory.secrets) }
}

async function perform(run: Run, units: readonly Unit[], hold: boolean): Promise<void> {
  const { applied } = run.inventory
  const refused = new Map(units.map(({ name }) => [name, knownOf(run, name).refused]))
  try {
    for (const unit of units) {
      await write(run, unit)
      await refuseWrong(run, unit)
    }
    // While the journal is open: whoever undoes it knows that what is live again is not refused.
    if (hold) for (const { name } of units) holdApplied(run, name, applied.get(name))
    commit(run, units)
  } catch (error) {
    const known = units.map((unit) => fail(unit, error))
    for (const unit of units.toReversed()) await rollback(run, unit, false)
    // What is live again is not refused; while some of it is still to be taken back, recovery sees to that.
    for (const { name } of hold && !interrupted(run) ? units : []) know(run, name, { refused: refused.get(name) ?? [] })
    throw units.find((unit) => unit.outcome?.kind === 'stuck')?.outcome?.error ?? known[0] ?? error
  }
  for (const { generation } of units) if (generation !== null) auditGeneration(run, generation, 'rollback', [])
}

function holdApplied(run: Run, source: string, applied: Applied | undefined): void {
  if (applied !== undefined) refuseByHand(run, source, applied, 'rolled back to the original by hand')
}

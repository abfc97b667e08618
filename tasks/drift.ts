import { conflictAt } from '../lib/model/conflict.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { under } from '../lib/model/path.ts'
import { counts, shrinksTooMuch } from '../lib/model/counts.ts'
import { desiredAt, judged, type Desired } from './desired.ts'
import { driftLines, planSaid } from './drift-lines.ts'
import { departed } from './departed.ts'
import { fail, planned, type Run, type Step, type Unit } from './run.ts'
import { plannedTarget } from './planned-target.ts'
import { departedSecrets } from './secret-departed.ts'
import { heldBack, knownOf, noteKilled } from './hold.ts'
import { plannedSecret } from './secrets.ts'

/** Wanted, owned, present: three trees become a plan, a target each. */
export function drift(run: Run): Step[] {
  return run.units.map((unit) => ({
    title: unit.name,
    // What has drifted stays on the screen.
    rendererOptions: { persistentOutput: true, outputBar: Number.POSITIVE_INFINITY },
    skip: () => (unit.outcome === null ? false : 'see above'),
    task: async (_, task) => {
      try {
        await compare(run, unit)
        refuseConflicts(unit)
        if (!run.options.allowShrink) refuseShrinking(unit)
      } catch (error) {
        const known = fail(unit, error)
        if (known.code !== 'held' && known.code !== 'backing-off') throw known
        return task.skip(known.message)
      }
      task.title = `${unit.name}  ${planSaid(unit)}`
      unit.told = planned(unit).flatMap((part) => driftLines(run, part))
      for (const line of unit.told) task.output = line
    },
  }))
}

async function compare(run: Run, unit: Unit): Promise<void> {
  const { only } = run.options
  const declared = run.config.targets.filter((target) => target.source === unit.name)
  let listings: Desired['listings'] = new Map()
  let made: Desired['made'] = new Map()
  if (unit.pulled !== null) {
    unit.commit = knownOf(run, unit.name).pinned?.commit ?? unit.pulled.commit
    const desired = await desiredAt(run, unit, unit.commit)
    unit.desired = desired.digest
    ;({ listings, made } = desired)
    noteKilled(run, unit)
    heldBack(run, unit)
  }
  for (const target of only === null ? declared : [])
    unit.targets.push(await judged(target, plannedTarget(run, unit, target, listings.get(target) ?? [])))
  for (const [secret, objects] of made)
    if (only === null || only === secret.name) unit.secrets.push(await plannedSecret(run, unit, secret, objects))
  if (only === null) {
    unit.targets.push(...(await departed(run, unit)))
    unit.secrets.push(...(await departedSecrets(run, unit, unit.pulled === null ? null : made)))
  }
  const applied = run.inventory.applied.get(unit.name)
  unit.why = unit.source === null ? 'removed' : applied?.desired === unit.desired || only !== null ? 'heal' : 'revision'
}

/** Throws `conflict` with every path that somebody has to decide about. */
export function refuseConflicts(unit: Unit): void {
  const known = conflicts(unit)
  if (known.length > 0) throw new GitopsError('conflict', known.join('\n'))
}

/** A line for each path of a unit that somebody has to decide about. */
export function conflicts(unit: Unit): string[] {
  return planned(unit).flatMap(({ root, plan }) =>
    plan.changes.flatMap((change) => (change.kind === 'conflict' ? [conflictAt(under(root, change.path), change)] : [])),
  )
}

/** Throws `shrink` for a source, or a document in one, that has lost most of what is ours. */
export function refuseShrinking(unit: Unit): void {
  for (const { root, plan } of planned(unit))
    for (const change of plan.changes)
      if (change.kind === 'edit' && shrinksTooMuch(change.owned, change.owned - change.dropped + 1, change.dropped))
        throw new GitopsError(
          'shrink',
          `${under(root, change.path)}: most of it is gone from the source, and ${change.dropped} of our ${change.owned} keys in it would be taken out`,
          { hint: 'If that is meant, run once with --allow-shrink.' },
        )
  for (const { name, target, owned, plan } of unit.targets) {
    const { deleted } = counts(plan.changes)
    if (target === null || !shrinksTooMuch(owned.size, plan.wanted.size, deleted)) continue
    const why = plan.wanted.size === 0 ? 'the source is empty there' : 'most of it is gone'
    throw new GitopsError('shrink', `target ${name}: ${why}, and ${deleted} of ${owned.size} files would be deleted`, {
      hint: 'If that is meant, run once with --allow-shrink.',
    })
  }
}

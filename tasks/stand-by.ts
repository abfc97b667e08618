import { rootOf, scan } from '../lib/host/live.ts'
import { asGitopsError, followed } from '../lib/model/errors.ts'
import type { RelPath, Sha } from '../lib/model/path.ts'
import { plan } from '../lib/model/plan.ts'
import type { Owned, Wanted } from '../lib/model/tree.ts'
import { mergedFiles } from './merged-files.ts'
import { applyUnit } from './apply.ts'
import { conflicts } from './drift.ts'
import { driftLines } from './drift-lines.ts'
import { changes, planned, type Run, type Step, type Unit, type UnitTarget } from './run.ts'
import { standBySecrets } from './secrets.ts'
import { policyOf } from './policy.ts'

/**
 * Plans what heals the units whose pulled revision is not applied, for whatever reason, and tells whether one of them has drifted.
 * What such a unit ended with stays what is said of it.
 */
export async function standBy(run: Run): Promise<boolean> {
  if (run.options.only !== null || run.signal.aborted) return false
  for (const unit of run.units.filter((each) => stands(run, each))) await planHealing(run, unit)
  return drifting(run).length > 0
}

/** A step for each unit that stands by and has drifted. */
export function healing(run: Run): Step[] {
  return drifting(run).map((unit) => heal(run, unit))
}

function heal(run: Run, unit: Unit): Step {
  const step = applyUnit(run, unit)
  step.title = `${unit.name}  drift ${run.host.dry ? 'would be' : 'is'} healed`
  // What has drifted stays on the screen.
  step.rendererOptions = { persistentOutput: true, outputBar: Number.POSITIVE_INFINITY }
  const { task: chapter } = step
  step.task = (context, task) => {
    const lines = planned(unit).flatMap((part) => driftLines(run, part))
    for (const line of lines) if (!unit.told.includes(line)) task.output = line
    return chapter?.(context, task)
  }
  return step
}

function drifting(run: Run): Unit[] {
  return run.units.filter((unit) => unit.standingBy !== null && unit.outcome === null && changes(unit))
}

/** Nothing was written, the machine is sound, and there is something to heal to. */
function stands(run: Run, { name, source, outcome, generation }: Unit): boolean {
  if (source === null || generation !== null || outcome === null || !run.inventory.applied.has(name)) return false
  return (outcome.kind === 'failed' || outcome.kind === 'refused') && outcome.reason !== 'Interrupted' && outcome.reason !== 'Suspended'
}

/**
 * What is wanted is what was applied last. The inventory knows that, whatever the config says by now, for its change may be what
 * cannot be applied.
 */
async function planHealing(run: Run, unit: Unit): Promise<void> {
  const { outcome, targets, secrets, commit, why } = unit
  try {
    unit.commit = run.inventory.applied.get(unit.name)?.commit ?? null
    unit.why = 'heal'
    unit.targets = await targetsAsApplied(run, unit)
    unit.secrets = await standBySecrets(run, unit)
    if (changes(unit)) unit.repository ??= await objectsAtHand(run, unit)
    unit.refused = { targets, secrets }
    unit.standingBy = withUnhealed(unit, outcome)
    unit.outcome = null
  } catch (error) {
    const { message } = asGitopsError(error)
    Object.assign(unit, { targets, secrets, commit, why })
    // What stands in the way of the revision stands in the way of healing too: that is said already.
    if (outcome !== null && !outcome.message.includes(message))
      unit.outcome = { ...outcome, message: followed(outcome.message, `Drift cannot be healed meanwhile: ${message}`) }
  }
}

/** A path that somebody has to decide about stays as it is, and keeps nothing else from being healed; it is named, where it was not. */
function withUnhealed(unit: Unit, outcome: Unit['outcome']): Unit['outcome'] {
  if (outcome === null) return null
  const news = conflicts(unit).filter((line) => !outcome.message.includes(line))
  return news.length === 0 ? outcome : { ...outcome, message: followed(outcome.message, `Not healed meanwhile: ${news.join('\n')}`) }
}

/** The targets of a unit, planned from what was applied last. */
export async function targetsAsApplied(run: Run, unit: Unit): Promise<UnitTarget[]> {
  const standing = run.config.targets.map(async (target) => {
    if (target.source !== unit.name) return []
    const root = rootOf(target.to)
    const known = run.inventory.targets.get(root)
    if (known === undefined || unit.commit === null) return []
    const { name, onRemove } = known
    const oids = new Map<RelPath, Sha>()
    const wanted = new Map<RelPath, Wanted>()
    for (const [path, { kind, digest, executable, mode, oid, keys }] of known.entries) {
      if (oid === null) continue
      oids.set(path, oid)
      wanted.set(path, {
        kind,
        digest,
        executable,
        mode,
        content: { kind: 'git', source: unit.name, oid },
        ...(keys !== undefined && { as: keys.as }),
      })
    }
    const owned: ReadonlyMap<RelPath, Owned> = new Map([...known.entries].filter(([path]) => wanted.has(path)))
    const found = scan(root, wanted.keys(), owned)
    const policy = policyOf(run, target, root)
    const { changes: coOwned, keys } = await mergedFiles(run, {
      root,
      from: target.from,
      wanted,
      owned,
      present: found.present,
      repository: null,
      policy,
    })
    const made = plan({ target: name, root, wanted, owned, present: found.present, refuseFirstContact: () => null, policy, coOwned })
    return [{ name, target, root, plan: made, scan: found, owned, oids, keys, onRemove }]
  })
  return (await Promise.all(standing)).flat()
}

/** What was fetched earlier, of a source that does not answer now. */
async function objectsAtHand(run: Run, unit: Unit): Promise<Unit['repository']> {
  return unit.source === null ? null : (await run.host.pull(unit.source, { fetch: false, signal: run.signal })).repository
}

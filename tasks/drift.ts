import { digestOf } from '../lib/host/hash.ts'
import { rootOf } from '../lib/host/live.ts'
import type { TreeEntry } from '../lib/host/objects.ts'
import { conflictAt } from '../lib/model/conflict.ts'
import type { SecretFile, Target } from '../lib/model/config.ts'
import { GitopsError, placed } from '../lib/model/errors.ts'
import { under, type RelPath, type Sha } from '../lib/model/path.ts'
import { counts, shrinksTooMuch } from '../lib/model/plan.ts'
import { driftLines, planSaid } from './drift-lines.ts'
import { departed } from './departed.ts'
import { fail, planned, type Run, type Step, type Unit } from './run.ts'
import { plannedTarget } from './planned-target.ts'
import { departedSecrets } from './secret-departed.ts'
import { heldBack, knownOf, noteKilled } from './hold.ts'
import { ciphertexts, plannedSecret } from './secrets.ts'
import { listed, noSuchDirectory } from './wanted.ts'

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
      for (const line of planned(unit).flatMap((part) => driftLines(run, part))) task.output = line
    },
  }))
}

async function compare(run: Run, unit: Unit): Promise<void> {
  const { only } = run.options
  const declared = run.config.targets.filter((target) => target.source === unit.name)
  const listings = new Map<Target, readonly TreeEntry[]>()
  let ciphers: ReadonlyMap<SecretFile, Sha> = new Map()
  if (unit.pulled !== null) {
    unit.commit = knownOf(run, unit.name).pinned?.commit ?? unit.pulled.commit
    ciphers = await ciphertexts(run, unit, unit.commit)
    unit.desired = await desire(run, unit, unit.commit, declared, listings, ciphers)
  }
  if (unit.pulled !== null) {
    noteKilled(run, unit)
    heldBack(run, unit)
  }
  for (const target of only === null ? declared : [])
    unit.targets.push(await judged(target, plannedTarget(run, unit, target, listings.get(target) ?? [])))
  for (const [secret, oid] of ciphers) if (only === null || only === secret.name) unit.secrets.push(await plannedSecret(run, secret, oid))
  if (only === null) {
    unit.targets.push(...(await departed(run, unit)))
    unit.secrets.push(...(await departedSecrets(run, unit)))
  }
  const applied = run.inventory.applied.get(unit.name)
  unit.why = unit.source === null ? 'removed' : applied?.desired === unit.desired || only !== null ? 'heal' : 'revision'
}

/** The digest of everything desired: which objects go where, and what the config says about it. */
async function desire(
  run: Run,
  unit: Unit,
  commit: Sha,
  targets: readonly Target[],
  listings: Map<Target, readonly TreeEntry[]>,
  ciphers: ReadonlyMap<SecretFile, Sha>,
): Promise<string> {
  const parts = [run.declaration]
  for (const target of targets) {
    const entries = unit.pulled === null ? null : await judged(target, listed(run, unit.pulled.repository, commit, target))
    // Where we have been before, a directory that is gone means that nothing is wanted; the shrink guard asks about that.
    if (entries === null && !run.inventory.targets.has(rootOf(target.to))) throw noSuchDirectory(target, commit)
    listings.set(target, entries ?? [])
    parts.push(target.to, target.declaration, ...(entries ?? []).flatMap((entry) => [entry.path, entry.type, entry.oid]))
  }
  for (const [secret, oid] of ciphers) parts.push(secret.to, secret.declaration, oid)
  return digestOf(parts.join('\0'))
}

/** What is wrong in a tree is told by where it would have gone. */
async function judged<T>(target: Target, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw placed(error, (path) => under(rootOf(target.to), path as RelPath))
  }
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

function refuseShrinking(unit: Unit): void {
  for (const { name, target, owned, plan } of unit.targets) {
    const { deleted } = counts(plan.changes)
    if (target === null || !shrinksTooMuch(owned.size, plan.wanted.size, deleted)) continue
    const why = plan.wanted.size === 0 ? 'the source is empty there' : 'most of it is gone'
    throw new GitopsError('shrink', `target ${name}: ${why}, and ${deleted} of ${owned.size} files would be deleted`, {
      hint: 'If that is meant, run once with --allow-shrink.',
    })
  }
}

import { digestOf } from '../lib/host/hash.ts'
import { rootOf, scan } from '../lib/host/live.ts'
import type { TreeEntry } from '../lib/host/objects.ts'
import type { Target } from '../lib/model/config.ts'
import { GitopsError, printable } from '../lib/model/errors.ts'
import { isWithin, under, type AbsPath, type Sha } from '../lib/model/path.ts'
import { counts, drifted, plan, shrinksTooMuch, writes } from '../lib/model/plan.ts'
import type { Owned, Tree } from '../lib/model/tree.ts'
import { tally } from '../lib/model/verdict.ts'
import { firstContact } from './first-contact.ts'
import { departed } from './departed.ts'
import { changes, fail, type Run, type Step, type Unit, type UnitTarget } from './run.ts'
import { listed, noSuchDirectory, wanted } from './wanted.ts'

/** Wanted, owned, present: three trees become a plan, a target each. */
export function drift(run: Run): Step[] {
  return run.units.map((unit) => ({
    title: unit.name,
    skip: () => unit.outcome?.message ?? false,
    task: async (_, task) => {
      try {
        await compare(run, unit)
        refuseConflicts(unit)
      } catch (error) {
        throw fail(unit, error)
      }
      task.title = `${unit.name}  ${said(unit)}`
      for (const line of unit.targets.flatMap(driftLines)) task.output = line
    },
  }))
}

async function compare(run: Run, unit: Unit): Promise<void> {
  const declared = run.config.targets.filter((target) => target.source === unit.name)
  const listings = new Map<Target, readonly TreeEntry[]>()
  if (unit.pulled !== null) {
    unit.commit = unit.pulled.commit
    unit.desired = await desire(run, unit, unit.commit, declared, listings)
    const held = run.status.sources[unit.name]?.held ?? null
    if (held !== null && held.desired === unit.desired) await standBy(run, unit, declared, listings)
  }
  for (const target of unit.held && unit.commit === null ? [] : declared)
    unit.targets.push(await planned(run, unit, target, listings.get(target) ?? []))
  unit.targets.push(...departed(run, unit))
  const applied = run.inventory.applied.get(unit.name)
  unit.why = unit.source === null ? 'removed' : applied?.desired === unit.desired || unit.held ? 'heal' : 'revision'
}

/** The digest of everything desired: which objects go where, and what the config says about it. */
async function desire(
  run: Run,
  unit: Unit,
  commit: Sha,
  targets: readonly Target[],
  listings: Map<Target, readonly TreeEntry[]>,
): Promise<string> {
  const parts = [run.declaration]
  for (const target of targets) {
    const entries = unit.pulled === null ? null : await listed(run, unit.pulled.repository, commit, target)
    const owns = (run.inventory.targets.get(rootOf(target.to))?.entries.size ?? 0) > 0
    if (entries === null && !owns) throw noSuchDirectory(target, commit)
    listings.set(target, entries ?? [])
    parts.push(target.to, target.declaration, ...(entries ?? []).flatMap((entry) => [entry.path, entry.type, entry.oid]))
  }
  return digestOf(parts.join('\0'))
}

/** The pulled revision is held: what is wanted is what was applied last, so that drift is still healed. */
async function standBy(run: Run, unit: Unit, targets: readonly Target[], listings: Map<Target, readonly TreeEntry[]>): Promise<void> {
  unit.held = true
  unit.commit = run.inventory.applied.get(unit.name)?.commit ?? null
  if (unit.commit !== null) await desire(run, unit, unit.commit, targets, listings)
}

async function planned(run: Run, unit: Unit, target: Target, entries: readonly TreeEntry[]): Promise<UnitTarget> {
  const root = rootOf(target.to)
  refuseOurOwn(run, target, root)
  const owned: Tree<Owned> = run.inventory.targets.get(root)?.entries ?? new Map()
  const repository = unit.pulled?.repository
  if (repository === undefined) throw new Error('a target without a pulled source cannot be planned')
  const want = await wanted(run, repository, target, entries, owned)
  const found = scan(root, new Set([...want.keys(), ...owned.keys()]), owned)
  const refuseFirstContact = await firstContact(run, { target, root, repository, wanted: want, owned, present: found.present })
  const made = plan({ target: target.name, root, wanted: want, owned, present: found.present, refuseFirstContact })
  const { deleted } = counts(made.changes)
  if (!run.options.allowShrink && shrinksTooMuch(owned.size, want.size, deleted)) {
    throw new GitopsError(
      'shrink',
      `target ${target.name}: ${want.size === 0 ? 'the source is empty there' : 'most of it'} and ${deleted} of ${owned.size} files would be deleted`,
      {
        hint: 'If that is meant, run once with --allow-shrink.',
      },
    )
  }
  return {
    name: target.name,
    target,
    root,
    plan: made,
    scan: found,
    owned,
    oids: new Map(entries.map((entry) => [entry.path, entry.oid])),
    onRemove: target.onRemove,
  }
}

function refuseOurOwn(run: Run, target: Target, root: AbsPath): void {
  for (const own of [
    run.host.store.directory,
    ...run.config.sources.flatMap((source) => (source.directory === null ? [] : [`${source.directory}/.git`])),
  ]) {
    if (isWithin(root, own) || root === '/')
      throw new GitopsError('config', `target ${target.name}: ${root} is not a place that can be reconciled into`, {
        hint: `Mend targets.${target.name}.to in the config.`,
      })
  }
}

function refuseConflicts(unit: Unit): void {
  const conflicts = unit.targets.flatMap(({ root, plan }) =>
    plan.changes.flatMap((change) => (change.kind === 'conflict' ? [`${under(root, change.path)} ${change.reason}`] : [])),
  )
  if (conflicts.length > 0) throw new GitopsError('conflict', conflicts.join('\n'))
}

function said(unit: Unit): string {
  if (unit.held) return `the revision is held${changes(unit) ? '; drift is healed to what was applied last' : ''}`
  if (!changes(unit)) return 'in sync'
  return unit.targets
    .filter((target) => writes(target.plan.changes).length > 0)
    .map(
      (target) =>
        `${target.name}: ${tally(counts(target.plan.changes)).replaceAll('created', 'to create').replaceAll('updated', 'to update').replaceAll('deleted', 'to delete')}`,
    )
    .join('; ')
}

function driftLines({ root, plan }: UnitTarget): string[] {
  return drifted(plan.changes).map(({ path, drift }) =>
    printable(`${under(root, path)}: ${drift} since it was applied`).replaceAll('\n', '\\n'),
  )
}

import { digestOf } from '../lib/host/hash.ts'
import { rootOf, scan } from '../lib/host/live.ts'
import type { TreeEntry } from '../lib/host/objects.ts'
import type { SecretFile, Target } from '../lib/model/config.ts'
import { GitopsError, printable } from '../lib/model/errors.ts'
import { isWithin, under, type AbsPath, type Sha } from '../lib/model/path.ts'
import { counts, plan, shrinksTooMuch, writes, type DriftKind } from '../lib/model/plan.ts'
import type { Owned, Tree } from '../lib/model/tree.ts'
import { tally } from '../lib/model/verdict.ts'
import { firstContact } from './first-contact.ts'
import { departed } from './departed.ts'
import { changes, fail, planned, type Planned, type Run, type Step, type Unit, type UnitTarget } from './run.ts'
import { departedSecrets } from './secret-departed.ts'
import { ciphertexts, plannedSecret, standBySecrets } from './secrets.ts'
import { standBy } from './stand-by.ts'
import { listed, noSuchDirectory, wanted } from './wanted.ts'

/** Linux takes no longer path; temporary files beside it need room too. */
const LONGEST = 4000

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
        throw fail(unit, error)
      }
      task.title = `${unit.name}  ${said(unit)}`
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
    unit.commit = unit.pulled.commit
    ciphers = await ciphertexts(run, unit, unit.commit)
    unit.desired = await desire(run, unit, unit.commit, declared, listings, ciphers)
  }
  const held = run.status.sources[unit.name]?.held ?? null
  if (unit.pulled !== null && held?.desired === unit.desired) {
    unit.targets.push(...standBy(run, unit, declared))
    unit.secrets.push(...(await standBySecrets(run, unit)))
  } else {
    for (const target of only === null ? declared : [])
      unit.targets.push(await plannedTarget(run, unit, target, listings.get(target) ?? []))
    for (const [secret, oid] of ciphers) if (only === null || only === secret.name) unit.secrets.push(await plannedSecret(run, secret, oid))
    if (only === null) {
      unit.targets.push(...departed(run, unit))
      unit.secrets.push(...(await departedSecrets(run, unit)))
    }
  }
  const applied = run.inventory.applied.get(unit.name)
  unit.why = unit.source === null ? 'removed' : applied?.desired === unit.desired || unit.held || only !== null ? 'heal' : 'revision'
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
    const entries = unit.pulled === null ? null : await listed(run, unit.pulled.repository, commit, target)
    // Where we have been before, a directory that is gone means that nothing is wanted; the shrink guard asks about that.
    if (entries === null && !run.inventory.targets.has(rootOf(target.to))) throw noSuchDirectory(target, commit)
    listings.set(target, entries ?? [])
    parts.push(target.to, target.declaration, ...(entries ?? []).flatMap((entry) => [entry.path, entry.type, entry.oid]))
  }
  for (const [secret, oid] of ciphers) parts.push(secret.to, secret.declaration, oid)
  return digestOf(parts.join('\0'))
}

async function plannedTarget(run: Run, unit: Unit, target: Target, entries: readonly TreeEntry[]): Promise<UnitTarget> {
  const root = rootOf(target.to)
  refuseOurOwn(run, target, root, entries)
  const owned: Tree<Owned> = run.inventory.targets.get(root)?.entries ?? new Map()
  const repository = unit.pulled?.repository
  if (repository === undefined) throw new Error('a target without a pulled source cannot be planned')
  const want = await wanted(run, repository, target, entries, owned)
  const found = scan(root, new Set([...want.keys(), ...owned.keys()]), owned)
  const refuseFirstContact = await firstContact(run, { target, root, repository, wanted: want, owned, present: found.present })
  const made = plan({ target: target.name, root, wanted: want, owned, present: found.present, refuseFirstContact })
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

function refuseOurOwn(run: Run, target: Target, root: AbsPath, entries: readonly TreeEntry[]): void {
  const { directory } = run.host.store
  const repositories = run.config.sources.flatMap((source) => (source.directory === null ? [] : [`${source.directory}/.git`]))
  if (root === '/' || [directory, ...repositories].some((own) => isWithin(root, own))) {
    throw new GitopsError('config', `target ${target.name}: ${root} is not a place that can be reconciled into`, {
      hint: `Mend targets.${target.name}.to in the config.`,
    })
  }
  const long = entries.find((entry) => Buffer.byteLength(under(root, entry.path)) > LONGEST)
  if (long !== undefined)
    throw new GitopsError(
      'hostile',
      `the path ${JSON.stringify(`${long.path.slice(0, 200)}…`)} is longer than the ${LONGEST} bytes that a path may have`,
    )
  const ours = entries.find((entry) => isWithin(under(root, entry.path), directory))
  if (ours !== undefined) {
    throw new GitopsError('hostile', `${JSON.stringify(ours.path)} in the source would write into our own state, ${directory}`, {
      hint: 'Take it out of the source, or exclude it.',
    })
  }
}

/** Throws `conflict` with every path that somebody has to decide about. */
export function refuseConflicts(unit: Unit): void {
  const conflicts = planned(unit).flatMap(({ root, plan }) =>
    plan.changes.flatMap((change) => (change.kind === 'conflict' ? [`${under(root, change.path)} ${change.reason}`] : [])),
  )
  if (conflicts.length > 0) throw new GitopsError('conflict', conflicts.join('\n'))
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

function said(unit: Unit): string {
  if (unit.held) return `the revision is held${changes(unit) ? '; drift is healed to what was applied last' : ''}`
  if (!changes(unit)) return 'in sync'
  const news = unit.secrets
    .filter(({ plan }) => plan.changes.some((change) => change.kind === 'decrypt'))
    .map(({ name }) => `${name}: to decrypt`)
  const writing = planned(unit)
    .filter(({ plan }) => writes(plan.changes).length > 0)
    .map(
      ({ name, plan }) =>
        `${name}: ${tally(counts(plan.changes)).replaceAll('created', 'to create').replaceAll('updated', 'to update').replaceAll('deleted', 'to delete')}`,
    )
  return [...writing, ...news].join('; ')
}

/** How a live entry came to differ, for people. */
const DRIFT: Readonly<Record<DriftKind, string>> = {
  edited: 'edited',
  missing: 'gone',
  mode: 'permissions changed',
  type: 'replaced by something else',
}

function driftLines(run: Run, { root, plan }: Planned): string[] {
  return plan.changes.flatMap((change) => {
    if (!('drift' in change) || change.drift === null) return []
    const copy = 'kept' in change && change.kept ? `; a copy will be in ${run.host.kept.place(change.before.digest)}` : ''
    return [printable(`${under(root, change.path)}: ${DRIFT[change.drift]} since it was applied${copy}`).replaceAll('\n', '\\n')]
  })
}

import { sameStat } from '../lib/host/live.ts'
import { isWithin, under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import type { Step } from '../lib/model/steps.ts'
import type { Applied, Inventory, OwnedSecret, OwnedTarget, TargetBefore } from '../lib/model/state.ts'
import type { Node, Owned } from '../lib/model/tree.ts'
import type { Run, Unit, UnitSecret, UnitTarget } from './run.ts'

/** Writes generation and journal: from here on a killed run is undone by the next one. */
export function openGeneration(run: Run, unit: Unit, steps: readonly Step[]): void {
  const { store } = run.host
  const open = store.journal()?.open ?? []
  dropOrphans(run, open)
  const number = Math.max(store.generations().at(-1) ?? 0, run.inventory.generation) + 1
  const targets = new Map(unit.targets.map((target) => [target.root, beforeOf(run, unit, target)]))
  const secrets = new Map(unit.secrets.map(({ key }) => [key, run.inventory.secrets.get(key) ?? null]))
  const touched = [...firstWrites(unit, steps).keys(), ...originalsOfDeparted(run, unit)]
  const originals = new Map(touched.map((path) => [path, run.inventory.originals.get(path) ?? null]))
  unit.generation = {
    number,
    unit: unit.name,
    commit: unit.commit,
    desired: unit.desired,
    why: unit.why,
    at: run.host.now().toISOString(),
    steps,
    takenBack: null,
    before: { applied: run.inventory.applied.get(unit.name) ?? null, targets, secrets, originals },
  }
  store.saveGeneration(unit.generation)
  store.saveJournal({ open: [...open, { generation: number, undo: false }] })
}

/** What a run left that was killed just before it opened the journal, or just after it closed it: never live, and never to be rolled back to. */
function dropOrphans(run: Run, open: readonly { readonly generation: number }[]): void {
  if (run.inventory.generation === 0) return
  for (const number of run.host.store.generations())
    if (number > run.inventory.generation && open.every((entry) => entry.generation !== number)) run.host.store.dropGeneration(number)
}

function beforeOf(run: Run, unit: Unit, { root, name, onRemove, plan, owned, target }: UnitTarget): TargetBefore {
  const known = run.inventory.targets.get(root)
  const paths = target === null ? [...owned.keys()] : plan.changes.map((change) => change.path)
  return {
    source: known?.source ?? unit.name,
    name: known?.name ?? name,
    onRemove: known?.onRemove ?? onRemove,
    directories: known?.directories ?? [],
    existed: known !== undefined,
    entries: new Map(paths.map((path) => [path, owned.get(path) ?? null])),
  }
}

/** What stood at the paths that we take over in this plan. */
function firstWrites(unit: Unit, steps: readonly Step[]): Map<AbsPath, Node> {
  const first = new Set(
    unit.targets.flatMap(({ root, plan }) =>
      plan.changes.flatMap((change) => (change.kind === 'update' && change.first ? [under(root, change.path)] : [])),
    ),
  )
  const originals = new Map<AbsPath, Node>()
  for (const step of steps) {
    if (step.kind === 'put' && step.before !== null && first.has(step.path)) originals.set(step.path, step.before)
  }
  return originals
}

/** Originals of targets that leave the config: they are back in their place, and what stands there next is another story. */
function originalsOfDeparted(run: Run, unit: Unit): AbsPath[] {
  const roots = unit.targets.flatMap(({ target, root }) => (target === null ? [root] : []))
  return [...run.inventory.originals.keys()].filter((path) => roots.some((root) => isWithin(path, root)))
}

/** The commit of an apply: from here on its units are what is live. Writing the inventory decides; the rest is bookkeeping. */
export function commit(run: Run, units: readonly Unit[]): void {
  if (units.length === 0) return
  const next = units.reduce((inventory, unit) => withUnit(run, inventory, unit), run.inventory)
  const numbers = units.flatMap((unit) => unit.generation?.number ?? [])
  const inventory = { ...next, generation: Math.max(next.generation, ...numbers) }
  markStuck(run, numbers)
  run.host.store.saveInventory(inventory)
  run.inventory = inventory
  try {
    closed(run, numbers)
  } catch {
    // It is live by now, and must not be taken back for this: the next run closes the journal.
  }
}

/** Generations that stay open beside those being committed are stuck ones: they must not count as live for having a lower number. */
function markStuck(run: Run, numbers: readonly number[]): void {
  const open = run.host.store.journal()?.open ?? []
  if (open.every((entry) => entry.undo || numbers.includes(entry.generation))) return
  run.host.store.saveJournal({ open: open.map(({ generation, undo }) => ({ generation, undo: undo || !numbers.includes(generation) })) })
}

/** Takes generations out of the journal; the last one closes it. */
export function closed(run: Run, numbers: readonly number[]): void {
  const open = (run.host.store.journal()?.open ?? []).filter((entry) => !numbers.includes(entry.generation))
  if (open.length > 0) run.host.store.saveJournal({ open })
  else run.host.store.closeJournal()
}

function withUnit(run: Run, inventory: Inventory, unit: Unit): Inventory {
  const targets = new Map(inventory.targets)
  const originals = new Map([...inventory.originals, ...firstWrites(unit, unit.generation?.steps ?? [])])
  for (const path of originalsOfDeparted(run, unit)) originals.delete(path)
  for (const target of unit.targets) {
    if (target.target === null) targets.delete(target.root)
    else targets.set(target.root, ownedAfter(run, unit, target))
  }
  const secrets = new Map(inventory.secrets)
  for (const secret of unit.secrets) {
    if (secret.after === null) secrets.delete(secret.key)
    else secrets.set(secret.key, secretAfter(unit, secret, secret.after))
  }
  const hostKey = secrets.size === 0 ? null : run.host.kept.keyName()
  const applied = new Map(inventory.applied)
  const entry = appliedAfter(run, unit)
  if (entry === null) applied.delete(unit.name)
  else applied.set(unit.name, entry)
  return { ...inventory, targets, secrets, hostKey, originals, applied }
}

/** What we have just written is looked at once more by the next run, as with any file. */
function secretAfter(unit: Unit, { key, plan }: UnitSecret, after: OwnedSecret): OwnedSecret {
  const step = unit.generation?.steps.find((known) => known.path === key)
  if (step === undefined) return after
  const first = plan.changes.some((change) => change.kind === 'update' && change.first)
  return { ...after, owned: { ...after.owned, stat: null }, original: first && step.kind === 'put' ? step.before : after.original }
}

/** A held unit heals to what was applied before; that does not change what is applied. */
function appliedAfter(run: Run, unit: Unit): Applied | null {
  const known = run.inventory.applied.get(unit.name) ?? null
  if (unit.held || run.options.only !== null || unit.commit === null) return unit.source === null ? null : known
  const generation = unit.generation?.number ?? known?.generation ?? 0
  return { commit: unit.commit, desired: unit.desired, at: run.host.now().toISOString(), generation }
}

function ownedAfter(run: Run, unit: Unit, { root, name, onRemove, plan, scan, owned, oids, directories }: UnitTarget): OwnedTarget {
  const written = new Set((unit.generation?.steps ?? []).map((step) => step.path))
  const entries = new Map<RelPath, Owned>()
  for (const [path, want] of plan.wanted) {
    const live = scan.present.get(path)
    const known = live?.kind === 'file' || live?.kind === 'link' ? live.stat : null
    // What we have just written may be changed by a check before it is recorded: the next run reads it once.
    const stat = written.has(under(root, path)) ? null : known
    const { kind, digest, executable, mode } = want
    entries.set(path, { kind, digest, executable, mode, oid: oids.get(path) ?? owned.get(path)?.oid ?? null, stat })
  }
  return { source: unit.name, name, onRemove, entries, directories: directories ?? run.inventory.targets.get(root)?.directories ?? [] }
}

/** Whether the inventory would say anything new of a unit that has nothing to write: adopted files, a newer commit, fresher stats. */
export function learnt(run: Run, unit: Unit): boolean {
  const applied = run.inventory.applied.get(unit.name)
  if (!unit.held && unit.commit !== null && (applied?.commit !== unit.commit || applied.desired !== unit.desired)) return true
  const secrets = unit.secrets.some(
    ({ key, plan, after }) => plan.changes.length > 0 || JSON.stringify(run.inventory.secrets.get(key) ?? null) !== JSON.stringify(after),
  )
  if (secrets) return true
  return unit.targets.some((target) => {
    const known = run.inventory.targets.get(target.root)
    if (target.target === null || known === undefined || target.plan.changes.length > 0) return true
    if (known.name !== target.name || known.source !== unit.name || known.onRemove !== target.onRemove) return true
    const next = ownedAfter(run, unit, target)
    return [...next.entries].some(([path, entry]) => {
      const before = target.owned.get(path)
      return entry.oid !== before?.oid || (entry.stat !== null && (before.stat === null || !sameStat(entry.stat, before.stat)))
    })
  })
}

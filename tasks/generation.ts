import { readLive, sameStat } from '../lib/host/live.ts'
import { under, type RelPath } from '../lib/model/path.ts'
import { staying, type Plan } from '../lib/model/plan.ts'
import type { Applied, Inventory, OwnedSecret, OwnedTarget } from '../lib/model/state.ts'
import { nodeOf, type Owned } from '../lib/model/tree.ts'
import { keepLetGo } from './let-go.ts'
import { adopted, originals, originalsOfDeparted, rootsAfter, vacatedAfter } from './originals.ts'
import type { Run, Unit, UnitSecret, UnitTarget } from './run.ts'

/** The commit of an apply: from here on its units are what is live. Writing the inventory decides; the rest is bookkeeping. */
export function commit(run: Run, units: readonly Unit[]): void {
  if (units.length === 0) return
  const next = units.reduce((inventory, unit) => withUnit(run, inventory, unit), run.inventory)
  const numbers = units.flatMap((unit) => unit.generation?.number ?? [])
  keepAdopted(run, units)
  keepLetGo(run, units)
  const inventory = { ...next, generation: Math.max(next.generation, ...numbers) }
  markStuck(run, numbers)
  try {
    run.host.store.saveInventory(inventory)
  } catch (error) {
    if (!isLive(run, inventory)) throw error
    // The journal stays open meanwhile: should the disk lose the inventory after all, what was there before comes back.
    run.inventory = inventory
    return
  }
  run.inventory = inventory
  try {
    closed(run, numbers)
  } catch {
    // It is live by now, and must not be taken back for this: the next run closes the journal.
  }
}

/** Whether an inventory is in its place although writing it failed, as when only making its name durable did: taking files back would contradict it. */
function isLive(run: Run, { generation }: Inventory): boolean {
  return generation > run.inventory.generation && run.host.store.inventory().generation === generation
}

/** What we take over as it is was there before us: it stays when we leave, also after we have changed it. */
function keepAdopted(run: Run, units: readonly Unit[]): void {
  for (const [path, { digest }] of units.flatMap((unit) => [...adopted(unit)]))
    if (!run.host.kept.has(digest)) run.host.kept.keep(readLive(path))
}

/** Generations that stay open beside those being committed are stuck ones, but for what is live: they must not count as that for having a lower number. */
function markStuck(run: Run, numbers: readonly number[]): void {
  const open = run.host.store.journal()?.open ?? []
  const isStuck = (number: number): boolean => number > run.inventory.generation && !numbers.includes(number)
  if (open.every((entry) => entry.undo || !isStuck(entry.generation))) return
  run.host.store.saveJournal({ open: open.map(({ generation, undo }) => ({ generation, undo: undo || isStuck(generation) })) })
}

/** Takes generations out of the journal; the last one closes it. */
export function closed(run: Run, numbers: readonly number[]): void {
  const open = (run.host.store.journal()?.open ?? []).filter((entry) => !numbers.includes(entry.generation))
  if (open.length > 0) run.host.store.saveJournal({ open })
  else run.host.store.closeJournal()
}

function withUnit(run: Run, inventory: Inventory, unit: Unit): Inventory {
  const targets = new Map(inventory.targets)
  const known = new Map([...inventory.originals, ...originals(unit, unit.generation?.steps ?? [])])
  for (const path of originalsOfDeparted(run, unit)) known.delete(path)
  for (const target of unit.targets) {
    if (target.target === null) targets.delete(target.root)
    else targets.set(target.root, ownedAfter(run, unit, target))
  }
  const secrets = new Map(inventory.secrets)
  for (const secret of unit.secrets) {
    if (secret.after === null) secrets.delete(secret.key)
    else secrets.set(secret.key, secretAfter(inventory, unit, secret, secret.after))
  }
  const vacated = vacatedAfter(inventory, unit, unit.generation?.steps ?? [])
  const applied = new Map(inventory.applied)
  const entry = appliedAfter(run, unit)
  if (entry === null) applied.delete(unit.name)
  else applied.set(unit.name, entry)
  const hostKey = keyOf(run, inventory.hostKey, secrets)
  return { ...inventory, targets, secrets, hostKey, originals: known, vacated, applied, roots: rootsAfter(inventory, unit) }
}

/** The key that the fingerprints of secrets were made with: a new one only when none of them is of the one before. */
function keyOf(run: Run, before: string | null, secrets: Inventory['secrets']): string | null {
  if (secrets.size === 0) return null
  const { kept } = run.host
  const now = kept.keyName()
  const isAll = before === now || before === null || [...secrets.values()].every(({ owned }) => kept.opens(owned.digest))
  return isAll ? now : before
}

/** What we have just written is looked at once more by the next run, as with any file. */
function secretAfter(inventory: Inventory, unit: Unit, { key, plan, scan }: UnitSecret, after: OwnedSecret): OwnedSecret {
  const step = unit.generation?.steps.find((known) => known.path === key)
  if (step === undefined) {
    const live = [...scan.present.values()][0]
    const isNew = after.strategy === 'replace' && !inventory.secrets.has(key)
    return isNew && live?.kind === 'file' ? { ...after, original: nodeOf(live) } : after
  }
  const first = plan.changes.some((change) => change.kind === 'update' && change.first)
  return { ...after, owned: { ...after.owned, stat: null }, original: first && step.kind === 'put' ? step.before : after.original }
}

/** A unit that stands by heals to what was applied before; that does not change what is applied. */
function appliedAfter(run: Run, unit: Unit): Applied | null {
  const known = run.inventory.applied.get(unit.name) ?? null
  if (unit.standingBy !== null || run.options.only !== null || unit.commit === null) return unit.source === null ? null : known
  const written = unit.why === 'heal' ? null : unit.generation
  const generation = written?.number ?? known?.generation ?? 0
  return { commit: unit.commit, desired: unit.desired, at: run.host.now().toISOString(), generation }
}

function ownedAfter(run: Run, unit: Unit, { root, name, onRemove, plan, scan, owned, oids, keys, directories }: UnitTarget): OwnedTarget {
  const written = new Set((unit.generation?.steps ?? []).map((step) => step.path))
  const entries = new Map<RelPath, Owned>()
  const stays = staying(plan)
  for (const [path, want] of plan.wanted) {
    if (stays.has(path)) {
      // What we wrote last is what the next run measures drift by.
      const before = owned.get(path)
      if (before !== undefined) entries.set(path, before)
      continue
    }
    const live = scan.present.get(path)
    const known = live?.kind === 'file' || live?.kind === 'link' ? live.stat : null
    // What we have just written may be changed by a check before it is recorded: the next run reads it once.
    const stat = written.has(under(root, path)) ? null : known
    const { kind, digest, executable, mode } = want
    const ours = keys.get(path)
    const oid = oids.get(path) ?? owned.get(path)?.oid ?? null
    entries.set(path, { kind, digest, executable, mode, oid, stat, ...(ours !== undefined && { keys: ours }) })
  }
  return { source: unit.name, name, onRemove, entries, directories: directories ?? run.inventory.targets.get(root)?.directories ?? [] }
}

/** Whether a plan changes what we own; what stays as it is does so only when it is let go. */
function teaches({ changes }: Plan): boolean {
  return changes.some((change) => change.kind !== 'conflict' && (change.kind !== 'stay' || change.after === null))
}

/** Whether the inventory would say anything new of a unit that has nothing to write: adopted files, a newer commit, fresher stats. */
export function learnt(run: Run, unit: Unit): boolean {
  const applied = run.inventory.applied.get(unit.name)
  if (unit.standingBy === null && unit.commit !== null && (applied?.commit !== unit.commit || applied.desired !== unit.desired)) return true
  const secrets = unit.secrets.some(
    ({ key, plan, after }) => teaches(plan) || JSON.stringify(run.inventory.secrets.get(key) ?? null) !== JSON.stringify(after),
  )
  if (secrets) return true
  return unit.targets.some((target) => {
    const known = run.inventory.targets.get(target.root)
    if (target.target === null || known === undefined || teaches(target.plan)) return true
    if (known.name !== target.name || known.source !== unit.name || known.onRemove !== target.onRemove) return true
    const next = ownedAfter(run, unit, target)
    return [...next.entries].some(([path, entry]) => {
      const before = target.owned.get(path)
      return entry.oid !== before?.oid || (entry.stat !== null && (before.stat === null || !sameStat(entry.stat, before.stat)))
    })
  })
}

import { isWithin, under, type AbsPath } from '../lib/model/path.ts'
import type { Inventory } from '../lib/model/state.ts'
import type { Step } from '../lib/model/steps.ts'
import { nodeOf, type Node } from '../lib/model/tree.ts'
import { planned, type Run, type Unit } from './run.ts'

/** What stood at the paths that we take over in this plan, or that we find as they are wanted. */
export function originals(unit: Unit, steps: readonly Step[]): Map<AbsPath, Node> {
  const first = new Set(
    unit.targets.flatMap(({ root, plan }) =>
      plan.changes.flatMap((change) => (change.kind === 'update' && change.first ? [under(root, change.path)] : [])),
    ),
  )
  const found = adopted(unit)
  for (const step of steps) if (step.kind === 'put' && step.before !== null && first.has(step.path)) found.set(step.path, step.before)
  return found
}

/** Files and links that we have never written and that are already as wanted. */
export function adopted(unit: Unit): Map<AbsPath, Node> {
  const found = new Map<AbsPath, Node>()
  for (const { root, plan, owned, scan } of unit.targets)
    for (const change of plan.changes) {
      const { path } = change
      // Where only keys are ours, they leave one by one.
      const live = change.kind === 'adopt' && change.after.as === undefined && !owned.has(path) ? scan.present.get(path) : undefined
      if (live?.kind === 'file' || live?.kind === 'link') found.set(under(root, path), nodeOf(live))
    }
  return found
}

/** Originals of targets that leave the config: they are back in their place, and what stands there next is another story. */
export function originalsOfDeparted(run: Run, unit: Unit): AbsPath[] {
  const roots = unit.targets.flatMap(({ target, root }) => (target === null ? [root] : []))
  return [...run.inventory.originals.keys()].filter((path) => roots.some((root) => isWithin(path, root)))
}

/** Directories of others that have made room for us, once these steps are taken: one that stands there again has not. */
export function vacatedAfter({ vacated, targets, roots }: Inventory, unit: Unit, steps: readonly Step[]): ReadonlyMap<AbsPath, number> {
  const turning = steps.filter((step) => step.kind === 'rmdir' || step.kind === 'mkdir')
  const left = unit.targets.flatMap(({ target, root }) => (target === null ? [root] : []))
  if (turning.length === 0 && left.length === 0) return vacated
  // A directory that somebody has put in place of a file of ours was not there before us.
  const ours = new Set([
    ...roots,
    ...[...targets].flatMap(([root, { directories, entries }]) => [...directories, ...entries.keys()].map((path) => under(root, path))),
  ])
  const after = new Map(vacated)
  for (const step of turning) {
    if (step.kind === 'mkdir') after.delete(step.path)
    else if (!ours.has(step.path)) after.set(step.path, step.mode)
  }
  for (const path of after.keys()) if (left.some((root) => isWithin(path, root))) after.delete(path)
  return after
}

/** Directories that we made for what leaves with this unit, and that nothing else of ours lies in: innermost first. */
export function leavingRoots({ roots, targets, secrets }: Inventory, unit: Unit): AbsPath[] {
  const leaving = new Set<AbsPath>([
    ...unit.targets.flatMap(({ target, root }) => (target === null ? [root] : [])),
    ...unit.secrets.flatMap(({ secret, key }) => (secret === null ? [key] : [])),
  ])
  if (leaving.size === 0) return []
  const places = [...targets.keys(), ...secrets.keys(), ...planned(unit).map((part) => ('key' in part ? part.key : part.root))]
  const staying = places.filter((place) => !leaving.has(place))
  const empty = roots.filter(
    (root) => [...leaving].some((place) => isWithin(place, root)) && !staying.some((place) => isWithin(place, root)),
  )
  return empty.toSorted((a, b) => b.length - a.length)
}

/** Which directories are ours once this unit is live. */
export function rootsAfter(inventory: Inventory, unit: Unit): readonly AbsPath[] {
  const leaving = new Set(leavingRoots(inventory, unit))
  const made = madeRoots(unit, unit.generation?.steps ?? [])
  const after = [...new Set([...inventory.roots, ...made])].filter((root) => !leaving.has(root))
  return after.length === inventory.roots.length && made.length === 0 ? inventory.roots : after
}

/** Directories of targets and secrets, and above them, that these steps make. */
export function madeRoots(unit: Unit, steps: readonly Step[]): AbsPath[] {
  const missing = new Set(planned(unit).flatMap(({ scan }) => scan.missingRoots))
  return steps.flatMap((step) => (step.kind === 'mkdir' && missing.has(step.path) ? [step.path] : []))
}

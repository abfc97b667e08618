import { rootOf, scan, type Scan } from '../lib/host/live.ts'
import { ancestors, under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import { driftOf } from '../lib/model/drift.ts'
import { plan, type Change } from '../lib/model/plan.ts'
import { asWanted, type Node, type Owned, type Present, type Tree, type Wanted } from '../lib/model/tree.ts'
import type { OwnedTarget } from '../lib/model/state.ts'
import { leavingPolicy } from './leaving-policy.ts'
import { isHidden } from './moved-root.ts'
import { gone as keysGone } from './merged-files.ts'
import type { Run, Unit, UnitTarget } from './run.ts'

/** Targets of a unit that have left the config: our files go, what was there before us comes back, and what a person has edited stays. */
export async function departed(run: Run, unit: Unit): Promise<UnitTarget[]> {
  const going = gone(run)
    .filter(([, target]) => target.source === unit.name)
    .map(async ([root, { name, entries, directories, onRemove }]) => {
      const restored = onRemove === 'restore'
      const originals = restored ? inside(run.inventory.originals, root) : new Map<RelPath, Node>()
      const vacated = restored ? inside(run.inventory.vacated, root) : new Map<RelPath, number>()
      const found = scan(root, new Set([...entries.keys(), ...originals.keys(), ...vacated.keys()]), entries)
      const { takesBack, isFree } = ground(entries, new Set(directories), found.present)
      const wanted = new Map<RelPath, Wanted>()
      const isBelow = (path: RelPath): boolean => ancestors(path).some((above) => wanted.has(above))
      for (const [path, original] of [...originals].toSorted(([a], [b]) => (a < b ? -1 : 1)))
        if (takesBack(path) && !isBelow(path)) wanted.set(path, asWanted(original))
      const returning = [...vacated.keys()].filter((path) => !wanted.has(path) && isFree(path) && !isBelow(path))
      const coOwned = onRemove === 'leave' ? new Map<RelPath, Change>() : await keysOfOurs(run, root, entries, found)
      const { present } = found
      const policy = leavingPolicy(wanted, entries, present)
      const made = plan({ target: name, root, wanted, owned: entries, present, refuseFirstContact: () => null, policy, coOwned })
      const left = { ...made, changes: made.changes.map((change) => ({ kind: 'forget', path: change.path }) as const) }
      return {
        name,
        target: null,
        root,
        plan: onRemove === 'leave' ? left : made,
        scan: found,
        owned: entries,
        oids: new Map(),
        keys: new Map(),
        onRemove,
        returning,
      }
    })
  return Promise.all(going)
}

async function keysOfOurs(run: Run, root: AbsPath, entries: Tree<Owned>, { present }: Scan): Promise<Map<RelPath, Change>> {
  const leaving = new Map<RelPath, Change>()
  for (const [path, own] of entries) if (own.keys !== undefined) leaving.set(path, await keysGone(run, { root, present }, path, own))
  return leaving
}

function inside<T>(all: ReadonlyMap<AbsPath, T>, root: AbsPath): Map<RelPath, T> {
  const start = under(root, '' as RelPath)
  const below = [...all].filter(([path]) => path.startsWith(start))
  return new Map(below.map(([path, value]) => [path.slice(start.length) as RelPath, value]))
}

/** Tells what stands at a place once ours has gone. What somebody has put where a path of ours was before is not replaced. */
function ground(entries: Tree<Owned>, directories: ReadonlySet<RelPath>, present: Tree<Present>) {
  const isOurs = (path: RelPath): boolean => {
    const own = entries.get(path)
    const drift = own === undefined || own.keys !== undefined ? 'type' : driftOf(present.get(path), own)
    return drift === null || drift === 'mode'
  }
  /** Whether nothing is there but ours, or what was there before us comes back in place of what people have made of ours. */
  const takesBack = (path: RelPath): boolean => {
    const own = entries.get(path)
    const live = present.get(path)
    // Where only keys are ours, they leave one by one.
    if (live === undefined || own !== undefined) return own?.keys === undefined
    if (live.kind === 'blocked') return isOurs(live.by)
    return live.kind === 'directory' && live.foreign === null && directories.has(path)
  }
  const isFree = (path: RelPath): boolean => {
    const live = present.get(path)
    return live === undefined || isOurs(live.kind === 'blocked' ? live.by : path)
  }
  return { takesBack, isFree }
}

/** What the inventory still owns at places that the config no longer names. What a link hides for now is not looked for behind it. */
export function gone({ config, inventory }: Pick<Run, 'config' | 'inventory'>): [AbsPath, OwnedTarget][] {
  const roots = new Set(config.targets.map((target) => rootOf(target.to)))
  return [...inventory.targets].filter(([root]) => !roots.has(root) && !isHidden(root))
}

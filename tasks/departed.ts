import { rootOf, scan, type Scan } from '../lib/host/live.ts'
import { under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import { plan, type Change } from '../lib/model/plan.ts'
import { isExecutable, type Node, type Owned, type Tree, type Wanted } from '../lib/model/tree.ts'
import type { OwnedTarget } from '../lib/model/state.ts'
import { leavingPolicy } from './leaving-policy.ts'
import { gone as keysGone } from './merged-files.ts'
import type { Run, Unit, UnitTarget } from './run.ts'

/** Targets of a unit that have left the config: our files go, what was there before us comes back, and what a person has edited stays. */
export async function departed(run: Run, unit: Unit): Promise<UnitTarget[]> {
  const going = gone(run)
    .filter(([, target]) => target.source === unit.name)
    .map(async ([root, { name, entries, onRemove }]) => {
      const originals = originalsIn(run, root)
      const found = scan(root, new Set([...entries.keys(), ...originals.keys()]), entries)
      const wanted = new Map<RelPath, Wanted>()
      for (const [path, original] of onRemove === 'restore' ? originals : []) {
        // Where only keys are ours, they leave one by one.
        if (entries.get(path)?.keys !== undefined) continue
        // A path that has left the source before: what somebody has put there since is not replaced.
        if (entries.has(path) || !found.present.has(path)) wanted.set(path, asWanted(original))
      }
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
      }
    })
  return Promise.all(going)
}

async function keysOfOurs(run: Run, root: AbsPath, entries: Tree<Owned>, { present }: Scan): Promise<Map<RelPath, Change>> {
  const leaving = new Map<RelPath, Change>()
  for (const [path, own] of entries) if (own.keys !== undefined) leaving.set(path, await keysGone(run, { root, present }, path, own))
  return leaving
}

function originalsIn(run: Run, root: AbsPath): Map<RelPath, Node> {
  const start = under(root, '' as RelPath)
  const inside = [...run.inventory.originals].filter(([path]) => path.startsWith(start))
  return new Map(inside.map(([path, original]) => [path.slice(start.length) as RelPath, original]))
}

function asWanted(original: Node): Wanted {
  const mode = original.kind === 'file' ? original.mode : null
  return {
    kind: original.kind,
    digest: original.digest,
    executable: mode !== null && isExecutable(mode),
    mode,
    content: { kind: 'kept', digest: original.digest },
  }
}

/** What the inventory still owns at places that the config no longer names. */
export function gone({ config, inventory }: Pick<Run, 'config' | 'inventory'>): [AbsPath, OwnedTarget][] {
  const roots = new Set(config.targets.map((target) => rootOf(target.to)))
  return [...inventory.targets].filter(([root]) => !roots.has(root))
}

import { rootOf, scan } from '../lib/host/live.ts'
import type { TreeEntry } from '../lib/host/objects.ts'
import type { Target } from '../lib/model/config.ts'
import { plan } from '../lib/model/plan.ts'
import type { Owned, Tree, Wanted } from '../lib/model/tree.ts'
import { firstContact } from './first-contact.ts'
import { mergedFiles } from './merged-files.ts'
import { refuseOurOwn } from './own-place.ts'
import type { Run, Unit, UnitTarget } from './run.ts'
import { policyOf } from './policy.ts'
import { wanted } from './wanted.ts'

/** One target planned from its three trees. Throws `config` or `hostile` for a place or a path that must not be written. */
export async function plannedTarget(run: Run, unit: Unit, target: Target, entries: readonly TreeEntry[]): Promise<UnitTarget> {
  const root = rootOf(target.to)
  refuseOurOwn(run.config, target, root, entries)
  const owned: Tree<Owned> = run.inventory.targets.get(root)?.entries ?? new Map()
  const repository = unit.pulled?.repository
  if (repository === undefined) throw new Error('a target without a pulled source cannot be planned')
  const want = await wanted(run, repository, target, entries, owned)
  const found = scan(root, new Set([...want.keys(), ...owned.keys()]), asFiles(owned, want))
  const present = found.present
  const policy = policyOf(run, target, root)
  const { changes: coOwned, keys } = await mergedFiles(run, { root, from: target.from, wanted: want, owned, present, repository, policy })
  // A document of which we owned only keys is met for the first time as a file.
  const files = new Map([...owned].filter(([path, own]) => own.keys === undefined || coOwned.has(path)))
  const refuseFirstContact = await firstContact(run, { target, root, repository, wanted: want, owned: files, present })
  const made = plan({ target: target.name, root, wanted: want, owned: files, present, refuseFirstContact, policy, coOwned })
  return {
    name: target.name,
    target,
    root,
    plan: made,
    scan: found,
    owned,
    oids: new Map(entries.map((entry) => [entry.path, entry.oid])),
    keys,
    onRemove: target.onRemove,
  }
}

/** Of a document that is to be replaced by now, and of which only keys were ours, no look at the file tells what is in it. */
function asFiles(owned: Tree<Owned>, wanted: Tree<Wanted>): Tree<Owned> {
  const stale = [...owned].filter(([path, own]) => own.keys !== undefined && wanted.get(path)?.as === undefined)
  return new Map([...owned, ...stale.map(([path, own]) => [path, { ...own, stat: null }] as const)])
}

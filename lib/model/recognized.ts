import { isWithin, under, type AbsPath } from './path.ts'
import type { Inventory, KeptCopy, OwnedSecret, OwnedTarget } from './state.ts'
import type { Node } from './tree.ts'

/** What is left of an inventory that another machine wrote. */
export interface Recognized {
  readonly inventory: Inventory
  /** How many files were looked at. */
  readonly looked: number
  /** Files of ours that are not as recorded, in places that are what the inventory tells of: these have drifted. */
  readonly drifted: readonly AbsPath[]
  /** Files that are not as recorded in places that are not: nothing of ours. */
  readonly strangers: readonly AbsPath[]
  /** What stood at those before us, where they were ours. */
  readonly orphans: readonly KeptCopy[]
}

/**
 * What of an inventory holds on a machine that did not write it. `asRecorded` tells of files that were looked at whether they are. A place, which is
 * the home or a live directory outside of it, is the one that the inventory tells of when at least half of its files are as recorded: then all of
 * it stays ours, and what differs is drift. In any other place only what is as recorded stays ours. Documents of which only keys are ours
 * stay so: they are merged key by key, wherever they came from. Pure.
 */
export function recognized(inventory: Inventory, home: AbsPath, asRecorded: ReadonlyMap<AbsPath, boolean>): Recognized {
  const placeOf = (path: AbsPath): AbsPath => {
    if (isWithin(path, home)) return home
    return [...inventory.targets.keys()].find((root) => isWithin(path, root)) ?? path
  }
  const votes = new Map<AbsPath, number>()
  for (const [path, is] of asRecorded) votes.set(placeOf(path), (votes.get(placeOf(path)) ?? 0) + (is ? 1 : -1))
  const differing = [...asRecorded].flatMap(([path, is]) => (is ? [] : [path]))
  const isKnown = (path: AbsPath): boolean => (votes.get(placeOf(path)) ?? 0) >= 0
  const strangers = new Set(differing.filter((path) => !isKnown(path)))
  const drifted = differing.filter(isKnown)
  return {
    inventory: strangers.size === 0 ? inventory : without(inventory, strangers),
    looked: asRecorded.size,
    drifted,
    strangers: [...strangers],
    orphans: [...strangers].flatMap((path) => orphan(path, inventory.originals.get(path) ?? inventory.secrets.get(path)?.original ?? null)),
  }
}

function orphan(path: AbsPath, original: Node | null): KeptCopy[] {
  return original === null ? [] : [{ path, copy: original.digest }]
}

/** A source that has lost something is no longer applied as a whole. */
function without(inventory: Inventory, strangers: ReadonlySet<AbsPath>): Inventory {
  const losing = new Set<string>()
  const targets = new Map<AbsPath, OwnedTarget>()
  for (const [root, target] of inventory.targets) {
    const entries = new Map([...target.entries].filter(([path]) => !strangers.has(under(root, path))))
    if (entries.size < target.entries.size) losing.add(target.source)
    if (entries.size > 0 || target.entries.size === 0) targets.set(root, { ...target, entries, directories: above(target, entries) })
  }
  const secrets = new Map<AbsPath, OwnedSecret>()
  for (const [path, secret] of inventory.secrets) {
    if (strangers.has(path)) losing.add(secret.source)
    else secrets.set(path, secret)
  }
  const places = [...targets.keys(), ...secrets.keys()]
  return {
    ...inventory,
    targets,
    secrets,
    applied: new Map([...inventory.applied].filter(([source]) => !losing.has(source))),
    originals: new Map([...inventory.originals].filter(([path]) => !strangers.has(path))),
    vacated: new Map([...inventory.vacated].filter(([path]) => !strangers.has(path))),
    roots: inventory.roots.filter((root) => places.some((place) => isWithin(place, root))),
  }
}

/** Directories of a target that hold something of ours still. */
function above({ directories, entries: all }: OwnedTarget, entries: OwnedTarget['entries']): OwnedTarget['directories'] {
  if (entries.size === all.size) return directories
  return directories.filter((directory) => [...entries.keys()].some((path) => path.startsWith(`${directory}/`)))
}

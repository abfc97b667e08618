import { isWithin, under, type AbsPath, type RelPath } from './path.ts'
import type { Inventory, OwnedTarget } from './state.ts'
import type { Node } from './tree.ts'

/** A live directory that the config names now. */
export type Place = Pick<OwnedTarget, 'source' | 'name' | 'onRemove'> & { readonly root: AbsPath }

/**
 * The inventory as the config divides it now: what we own belongs to the target that its live path lies in, also when it was written
 * through another one. `real` follows a directory that has become a link since, so that moving it away from its old place loses nothing.
 */
export function settled(inventory: Inventory, places: readonly Place[], real: (root: AbsPath) => AbsPath): Inventory {
  const moves = [...inventory.targets.keys()].map((root) => [root, real(root)] as const)
  if (moves.every(([from, to]) => from === to && places.some((place) => place.root === to))) return inventory
  const targets = new Map<AbsPath, OwnedTarget>()
  for (const [from, to] of moves) {
    const target = inventory.targets.get(from) as OwnedTarget
    for (const place of [...places, { ...target, root: to }]) {
      const part = partIn(place, target, to, places)
      const known = targets.get(place.root)
      if (known !== undefined) targets.set(place.root, merged(known, part))
      else if (part.entries.size > 0 || place.root === to) targets.set(place.root, part)
    }
  }
  for (const [root, target] of targets) if (target.entries.size === 0 && !places.some((place) => place.root === root)) targets.delete(root)
  const originals = new Map<AbsPath, Node>()
  for (const [path, node] of inventory.originals) originals.set(moved(path, moves), node)
  const vacated = new Map([...inventory.vacated].map(([path, mode]) => [moved(path, moves), mode]))
  return { ...inventory, targets, originals, vacated }
}

/** What of a target's entries lies in a place: the first place that holds a path takes it. */
function partIn(place: Place, target: OwnedTarget, root: AbsPath, places: readonly Place[]): OwnedTarget {
  const mine = (path: RelPath): RelPath | null => {
    const full = under(root, path)
    const owner = places.find((each) => full !== each.root && isWithin(full, each.root))?.root ?? root
    return owner === place.root ? (full.slice(under(place.root, '' as RelPath).length) as RelPath) : null
  }
  const { source, name, onRemove } = place
  return {
    source,
    name,
    onRemove,
    entries: new Map([...target.entries].flatMap(([path, owned]) => (mine(path) === null ? [] : [[mine(path) as RelPath, owned]]))),
    directories: target.directories.flatMap((path) => mine(path) ?? []),
  }
}

function merged(a: OwnedTarget, b: OwnedTarget): OwnedTarget {
  return {
    ...a,
    entries: new Map([...b.entries, ...a.entries]),
    directories: [...new Set([...a.directories, ...b.directories])].toSorted(),
  }
}

function moved(path: AbsPath, moves: readonly (readonly [AbsPath, AbsPath])[]): AbsPath {
  for (const [from, to] of moves) if (isWithin(path, from)) return (to + path.slice(from.length)) as AbsPath
  return path
}

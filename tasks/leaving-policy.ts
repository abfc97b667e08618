import { driftOf } from '../lib/model/drift.ts'
import type { RelPath } from '../lib/model/path.ts'
import { HEALING, type Policy } from '../lib/model/policy.ts'
import type { Owned, Present, Tree, Wanted } from '../lib/model/tree.ts'

/**
 * Who has the last word when we leave: what a person has made of a file of ours is theirs and stays, unless something that was there
 * before us comes back in its place. Other permissions alone are no work of theirs.
 */
export function leavingPolicy(originals: Tree<Wanted>, owned: Tree<Owned>, present: Tree<Present>): Policy {
  const isInTheWay = (path: RelPath): boolean => originals.has(path) || [...originals.keys()].some((back) => path.startsWith(`${back}/`))
  const isWork = (path: RelPath): boolean => {
    const own = owned.get(path)
    const drift = own === undefined ? null : driftOf(present.get(path), own)
    return drift === 'edited' || drift === 'type'
  }
  return { ...HEALING, onDrift: (path) => (isWork(path) && !isInTheWay(path) ? 'keep' : 'heal') }
}

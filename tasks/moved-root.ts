import { look, rootOf } from '../lib/host/live.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { under, type AbsPath } from '../lib/model/path.ts'
import type { Inventory } from '../lib/model/state.ts'
import type { Run } from './run.ts'

/** Where a live directory of ours is now: behind the link in its place if something of ours is there; else it is still its old place. */
export function movedTo({ targets }: Inventory, root: AbsPath): AbsPath {
  const to = realRoot(root)
  // What we have written there since is no sign of a move.
  if (to === null || to === root || targets.has(to)) return root
  const entries = [...(targets.get(root)?.entries ?? [])]
  const isOurs = entries.some(([path, { digest, keys }]) => {
    const there = look(under(to, path))
    return there !== null && there !== 'other' && (there.digest === digest || keys !== undefined)
  })
  return isOurs || entries.length === 0 ? to : root
}

/** Whether a live directory of ours cannot be reached by its own name, because a link or a file stands in its place. */
export function isHidden(root: AbsPath): boolean {
  return realRoot(root) !== root
}

/** The live directories of a source that cannot be reached now. */
export function hiddenOf({ inventory }: Pick<Run, 'inventory'>, source: string): AbsPath[] {
  return [...inventory.targets].flatMap(([root, target]) => (target.source === source && isHidden(root) ? [root] : []))
}

/** Throws `conflict` when something of ours cannot be reached: nobody could take it away. */
export function refuseHidden({ targets }: Inventory): void {
  const hidden = [...targets.keys()].filter(isHidden)
  if (hidden.length === 0) return
  throw new GitopsError(
    'conflict',
    `${hidden.join(', ')} is no directory now, and nothing of ours is behind it; what we wrote cannot be taken away`,
    {
      hint: 'Put the directory back, or, if it is gone for good, remove what stands in its place.',
    },
  )
}

function realRoot(root: AbsPath): AbsPath | null {
  try {
    return rootOf(root)
  } catch {
    return null
  }
}

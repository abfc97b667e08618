import type { Change } from './plan.ts'
import type { Present, Tree } from './tree.ts'

/** The changes of a plan, where what stays or is let go keeps its place: no file is made of the directory that it lies in. Pure. */
export function untangled(changes: readonly Change[], present: Tree<Present>): readonly Change[] {
  const left = changes.filter(({ kind, path }) => (kind === 'stay' || kind === 'forget') && isThere(present.get(path)))
  if (left.length === 0) return changes
  return changes.map((change) => {
    const { path } = change
    const below = left.find((other) => other.path.startsWith(`${path}/`))
    if (change.kind !== 'create' || present.get(path)?.kind !== 'directory' || below === undefined) return change
    return below.kind === 'stay'
      ? { kind: 'stay', path, why: below.why, drift: null, after: change.after, news: true }
      : { kind: 'conflict', path, reason: holdsForeign(below.path) }
  })
}

function isThere(live: Present | undefined): boolean {
  return live !== undefined && live.kind !== 'blocked'
}

/** Why a directory is not replaced. */
export function holdsForeign(path: string): string {
  return `is a directory that holds ${JSON.stringify(path)}, which is not ours; move it away`
}

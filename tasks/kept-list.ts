import type { Kept } from '../lib/host/kept.ts'
import type { Store } from '../lib/host/store.ts'
import { listedCopies } from '../lib/model/kept-list.ts'
import { under, type AbsPath, type Digest } from '../lib/model/path.ts'
import type { Inventory } from '../lib/model/state.ts'
import { historyOf } from './history.ts'
import { nameOfCopy, shortName } from './kept-copy.ts'

/** A kept copy: what `gitops kept` calls it, and where what is in it stood. */
export interface KeptLine {
  readonly name: string
  /** 0 for what was there before us; null where the generation went with an uninstall. */
  readonly generation: number | null
  /** When it was replaced; null for what was there before us. */
  readonly at: string | null
  readonly path: string
}

/** Every copy that can be told apart: what generations replaced, newest first, what was there before us, and what an uninstall has left. */
export function keptLines(store: Store, kept: Kept, left: string): KeptLine[] {
  const replaced = historyOf(store, { source: null, target: null }, false).flatMap(({ kept: copies, at, generation }) =>
    copies.map(({ name, path }) => ({ name, generation, at, path })),
  )
  const before = beforeUs(store.inventory())
    .filter(([, digest]) => kept.has(digest))
    .map(([path, digest]) => ({ name: nameOfCopy(digest), generation: 0, at: null, path }))
  const listed = listedCopies(left).map(({ at, name, path }) => ({ name: shortName(name), generation: null, at, path }))
  const told = new Set<string>()
  return [...replaced, ...before, ...listed.toSorted((a, b) => (a.at < b.at ? 1 : -1))].filter(({ name, path }) => {
    const key = `${name} ${path}`
    return !told.has(key) && told.add(key)
  })
}

/** What stood at a path, or under our keys of a document, before we first wrote there. */
function beforeUs({ originals, targets, secrets }: Inventory): [AbsPath, Digest][] {
  const files = [...originals].map(([path, { digest }]) => [path, digest] as const)
  const keys = [...targets].flatMap(([root, { entries }]) =>
    [...entries].map(([path, entry]) => [under(root, path), entry.keys?.prior ?? null] as const),
  )
  const sealed = [...secrets].flatMap(([path, { original, prior }]) => [[path, original?.digest ?? null] as const, [path, prior] as const])
  return [...files, ...keys, ...sealed].flatMap(([path, digest]) => (digest === null ? [] : [[path, digest]]))
}

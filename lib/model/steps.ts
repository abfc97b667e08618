import type { AppLock } from './lists.ts'
import type { Change } from './plan.ts'
import { ancestors, parent, under, type AbsPath, type Digest, type RelPath } from './path.ts'
import { withExecutable, type Content, type Node, type Wanted } from './tree.ts'

/** One change to the disk, with all that undoing it needs. This is what the journal holds. */
export type Step =
  /** With a mode it is one that was there before us. */
  | { readonly kind: 'mkdir'; readonly path: AbsPath; readonly mode?: number }
  | { readonly kind: 'rmdir'; readonly path: AbsPath; readonly mode: number }
  | { readonly kind: 'put'; readonly path: AbsPath; readonly temp: AbsPath; readonly before: Node | null; readonly after: Node }
  | { readonly kind: 'remove'; readonly path: AbsPath; readonly before: Node }
  | {
      readonly kind: 'edit'
      readonly path: AbsPath
      readonly temp: AbsPath
      readonly edits: Digest
      readonly mode: number
      /** The permission bits that it had; null for one that was not there. */
      readonly modeBefore: number | null
      readonly created: boolean
      /** The application's own lock, taken while the document is edited. */
      readonly lock: AppLock | null
    }

/** The steps of one target, in the order they are taken, and where the bytes of each `put` come from. */
export interface Steps {
  readonly steps: readonly Step[]
  readonly contents: ReadonlyMap<AbsPath, Content>
  /** Directories below the root that exist because of us, after these steps. */
  readonly directories: readonly RelPath[]
}

/** What ordering a plan's changes needs to know about the disk. */
export interface Ground {
  readonly root: AbsPath
  /** The root, or directories above it, that do not exist yet, outermost first. */
  readonly missingRoots: readonly AbsPath[]
  /** The directory that exists and holds the root, or the root itself. */
  readonly base: AbsPath
  readonly isDirectory: (path: RelPath) => boolean
  /** Permission bits of a directory, for putting it back as it was. */
  readonly modeOf: (path: RelPath) => number
  /** Directories below the root that we made earlier. */
  readonly directories: readonly RelPath[]
  /** Permission bits of a directory that was there before us and made room; null where there was none. */
  readonly vacated: (path: RelPath) => number | null
  /** Those of them that come back, whether or not something lies in them. */
  readonly returning: readonly RelPath[]
  readonly umask: number
  /** Makes names of temporary files unique and findable. */
  readonly id: string
}

/**
 * Orders changes so that nothing refers to what is not there yet: what stands in the way of another type,
 * directories, new files, changed files, deletions, emptied directories. Pure.
 */
export function steps(changes: readonly Change[], wanted: ReadonlyMap<RelPath, Wanted>, ground: Ground): Steps {
  const at = (path: RelPath): AbsPath => under(ground.root, path)
  const creates = changes.filter((change) => change.kind === 'create')
  const updates = changes.filter((change) => change.kind === 'update')
  const deletes = changes.filter((change) => change.kind === 'delete')
  const edits = changes.filter((change) => change.kind === 'edit')

  const createPaths = new Set(creates.map((change) => change.path))
  const needed = new Set([
    ...[...creates, ...updates, ...edits].flatMap((change) => ancestors(change.path)),
    ...ground.returning.flatMap((path) => [...ancestors(path), path]),
  ])
  const inTheWay = (path: RelPath): boolean => needed.has(path) || ancestors(path).some((above) => createPaths.has(above))
  // Directories that stand where a file goes; those of entries that are gone already are in the way too.
  const leaving = changes.filter((change) => change.kind === 'delete' || change.kind === 'forget')
  const replaced = new Set(
    [...leaving.flatMap((change) => ancestors(change.path)), ...ground.directories, ...createPaths].filter(
      (path) => ground.isDirectory(path) && (createPaths.has(path) || ancestors(path).some((above) => createPaths.has(above))),
    ),
  )

  const made = [...needed].filter((path) => !ground.isDirectory(path)).toSorted()
  const stays = new Set([...wanted.keys()].flatMap((path) => ancestors(path)))
  const emptied = ground.directories
    .filter((path) => !stays.has(path) && !replaced.has(path) && ground.isDirectory(path))
    .toSorted(deepestFirst)

  const contents = new Map<AbsPath, Content>()
  const result: Step[] = []
  const puts = creates.length + updates.length + edits.length + ground.returning.length
  if (puts > 0) result.push(...ground.missingRoots.map((path) => ({ kind: 'mkdir', path }) as const))
  const removals = (early: boolean): Step[] =>
    deletes
      .filter((change) => inTheWay(change.path) === early)
      .map((change) => ({ kind: 'remove', path: at(change.path), before: change.before }))
  result.push(...removals(true))
  const rmdir = (path: RelPath): Step => ({ kind: 'rmdir', path: at(path), mode: ground.modeOf(path) })
  result.push(...[...replaced].toSorted(deepestFirst).map(rmdir))
  for (const path of made) {
    const mode = ground.vacated(path)
    result.push({ kind: 'mkdir', path: at(path), ...(mode !== null && { mode }) })
  }
  for (const change of [...creates, ...updates]) {
    const path = at(change.path)
    const before = change.kind === 'update' ? change.before : null
    contents.set(path, change.after.content)
    result.push({
      kind: 'put',
      path,
      temp: temporary(ground, change.path, contents.size),
      before,
      after: written(change.after, before, ground.umask),
    })
  }
  for (const [index, { path, edits: list, mode, modeBefore, created, lock }] of edits.entries()) {
    result.push({
      kind: 'edit',
      path: at(path),
      temp: temporary(ground, path, contents.size + index + 1),
      edits: list,
      mode,
      modeBefore,
      created,
      lock,
    })
  }
  result.push(...removals(false), ...emptied.map(rmdir))

  const ours = made.filter((path) => ground.vacated(path) === null)
  const directories = [...new Set([...ground.directories, ...ours])].filter((path) => stays.has(path)).toSorted()
  return { steps: result, contents, directories }
}

function deepestFirst(a: string, b: string): number {
  return b.split('/').length - a.split('/').length || (a < b ? -1 : 1)
}

/** Beside its place, or in the nearest directory above that exists: always on the same file system. */
function temporary(ground: Ground, path: RelPath, index: number): AbsPath {
  const name = `.gitops-${ground.id}-${index}.tmp` as RelPath
  for (let above = parent(path); above !== null; above = parent(above)) {
    if (ground.isDirectory(above)) return under(under(ground.root, above), name)
  }
  return under(ground.base, name)
}

/** What the file will be: the declared mode, or the mode it had, or the umask's, with the executable bits as wanted. */
function written(want: Wanted, before: Node | null, umask: number): Node {
  if (want.kind === 'link') return { kind: 'link', digest: want.digest }
  const base = before?.kind === 'file' ? before.mode : 0o666 & ~umask
  const mode = want.mode ?? withExecutable(base, want.executable)
  return { kind: 'file', digest: want.digest, mode, ...(want.owner !== undefined && { owner: want.owner }) }
}

/** Whether two nodes are the same file or link, mode included. */
export function sameNode(a: Node | null, b: Node | null): boolean {
  if (a === null || b === null) return a === b
  return a.kind === b.kind && a.digest === b.digest && (a.kind !== 'file' || b.kind !== 'file' || a.mode === b.mode)
}

/**
 * What undoing a `put` or `remove` means, given what is there now (`other` is neither file nor link):
 * ours goes back to the old, the old needs nothing, anything else was written by someone after us and is left.
 */
export function undoing(step: Extract<Step, { kind: 'put' | 'remove' }>, now: Node | null | 'other'): 'restore' | 'nothing' | 'left' {
  const after = step.kind === 'put' ? step.after : null
  if (now === 'other') return 'left'
  if (sameNode(now, step.before)) return 'nothing'
  return sameNode(now, after) || sameContent(now, after) ? 'restore' : 'left'
}

/** Whether two nodes are the same but for their permission bits. */
export function sameContent(a: Node | null, b: Node | null): boolean {
  return a !== null && b !== null && a.kind === b.kind && a.digest === b.digest
}

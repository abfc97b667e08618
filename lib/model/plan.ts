import type { AbsPath, Digest, RelPath } from './path.ts'
import { matches, type Node, type Owned, type Present, type Tree, type Wanted } from './tree.ts'

/** How a live entry differs from what we wrote last. */
export type DriftKind = 'edited' | 'missing' | 'mode' | 'type'

/** One thing a reconcile does to one path. */
export type Change =
  | { readonly kind: 'create'; readonly path: RelPath; readonly after: Wanted; readonly drift: DriftKind | null }
  | {
      readonly kind: 'update'
      readonly path: RelPath
      readonly before: Node
      readonly after: Wanted
      readonly drift: DriftKind | null
      /** True when `before` is a person's work: it is reported as kept. */
      readonly kept: boolean
      /** True when the entry was there before us. */
      readonly first: boolean
    }
  | { readonly kind: 'delete'; readonly path: RelPath; readonly before: Node; readonly drift: DriftKind | null; readonly kept: boolean }
  /** The live entry is already as wanted; only the inventory learns of it. */
  | { readonly kind: 'adopt'; readonly path: RelPath; readonly after: Wanted }
  /** Keys of ours in a document that an application writes too. `edits` names the sealed list of what is set and removed. */
  | {
      readonly kind: 'edit'
      readonly path: RelPath
      readonly edits: Digest
      /** The permission bits the document has now, or will have when we make it. */
      readonly mode: number
      readonly created: boolean
      readonly drift: DriftKind | null
      /** True when values that we did not write are replaced: they are reported as kept. */
      readonly kept: boolean
    }
  /** A secret whose ciphertext is new: what becomes of it is known when it is decrypted. */
  | { readonly kind: 'decrypt'; readonly path: RelPath }
  /** An owned entry that is neither wanted nor there, or no longer ours to delete. */
  | { readonly kind: 'forget'; readonly path: RelPath }
  | { readonly kind: 'conflict'; readonly path: RelPath; readonly reason: string }

/** What one target needs; `root` is its live directory with links resolved. */
export interface Plan {
  readonly target: string
  readonly root: AbsPath
  readonly changes: readonly Change[]
  readonly wanted: Tree<Wanted>
}

/** Everything that a plan is made from. */
export interface Situation {
  readonly target: string
  readonly root: AbsPath
  readonly wanted: Tree<Wanted>
  readonly owned: Tree<Owned>
  readonly present: Tree<Present>
  /** Why this path must not be taken over, or null: it would lose what an application keeps there, or somebody else owns it. */
  readonly refuseFirstContact: (path: RelPath) => string | null
}

/** The changes that take `present` to `wanted`, in path order. Pure. */
export function plan(situation: Situation): Plan {
  const paths = [...new Set([...situation.wanted.keys(), ...situation.owned.keys()])].toSorted()
  const changes = paths.map((path) => decide(situation, path)).filter((change) => change !== null)
  return { target: situation.target, root: situation.root, changes, wanted: situation.wanted }
}

function decide(situation: Situation, path: RelPath): Change | null {
  const want = situation.wanted.get(path)
  const own = situation.owned.get(path)
  const live = situation.present.get(path)
  if (want !== undefined) return toward(situation, path, want, own, live)
  return own === undefined ? null : away(path, own, live)
}

function toward(situation: Situation, path: RelPath, want: Wanted, own: Owned | undefined, live: Present | undefined): Change | null {
  const refusal = own === undefined ? situation.refuseFirstContact(path) : null
  if (refusal !== null) return conflict(path, refusal)
  if (live === undefined) return { kind: 'create', path, after: want, drift: own === undefined ? null : 'missing' }
  if (live.kind === 'special') return conflict(path, 'is neither a file nor a link; move it away')
  if (live.kind === 'blocked') return blocked(situation, path, want, live)
  if (live.kind === 'directory') {
    if (live.foreign !== null)
      return conflict(path, `is a directory that holds ${JSON.stringify(live.foreign)}, which is not ours; move it away`)
    return { kind: 'create', path, after: want, drift: own === undefined ? null : 'type' }
  }
  if (matches(live, want)) return own !== undefined && sameOwned(own, want) ? null : { kind: 'adopt', path, after: want }
  const before = node(live)
  if (own === undefined) return { kind: 'update', path, before, after: want, drift: null, kept: true, first: true }
  const drift = driftOf(live, own)
  return { kind: 'update', path, before, after: want, drift, kept: drift !== null && drift !== 'mode', first: false }
}

function away(path: RelPath, own: Owned, live: Present | undefined): Change {
  if (live === undefined || live.kind === 'special' || live.kind === 'directory' || live.kind === 'blocked') return { kind: 'forget', path }
  const drift = driftOf(live, own)
  return { kind: 'delete', path, before: node(live), drift, kept: drift !== null && drift !== 'mode' }
}

/** A directory of `path` is a link or a file. Only a file of ours that this plan deletes may be cleared out of the way. */
function blocked(situation: Situation, path: RelPath, want: Wanted, live: Extract<Present, { kind: 'blocked' }>): Change {
  const owned = situation.owned.get(live.by)
  const there = situation.present.get(live.by)
  if (owned !== undefined && there !== undefined && matches(there, owned) && !situation.wanted.has(live.by)) {
    return { kind: 'create', path, after: want, drift: null }
  }
  const what = live.link ? 'a link, and links are not followed below a target' : 'not a directory'
  return conflict(path, `cannot be written: ${JSON.stringify(live.by)} is ${what}; move it away or exclude the path`)
}

function driftOf(live: Extract<Present, Node>, own: Owned): DriftKind | null {
  if (matches(live, own)) return null
  if (live.kind !== own.kind) return 'type'
  return live.digest === own.digest ? 'mode' : 'edited'
}

function sameOwned(own: Owned, want: Wanted): boolean {
  return own.kind === want.kind && own.digest === want.digest && own.executable === want.executable && own.mode === want.mode
}

function node(live: Extract<Present, { kind: 'file' | 'link' }>): Node {
  return live.kind === 'file' ? { kind: 'file', digest: live.digest, mode: live.mode } : { kind: 'link', digest: live.digest }
}

function conflict(path: RelPath, reason: string): Change {
  return { kind: 'conflict', path, reason }
}

/** How many entries a plan creates, updates and deletes. */
export interface Counts {
  readonly created: number
  readonly updated: number
  readonly deleted: number
}

/** How many entries are written, for people. */
export function counts(changes: readonly Change[]): Counts {
  const of = (kind: Change['kind']): number => changes.filter((change) => change.kind === kind).length
  const made = changes.filter((change) => change.kind === 'edit' && change.created).length
  return { created: of('create') + made, updated: of('update') + of('edit') - made, deleted: of('delete') }
}

/** The changes that write something. */
export function writes(changes: readonly Change[]): Change[] {
  return changes.filter((change) => ['create', 'update', 'delete', 'edit'].includes(change.kind))
}

/** The paths that differ from what we wrote last, without us. */
export function drifted(changes: readonly Change[]): { path: RelPath; drift: DriftKind }[] {
  return changes.flatMap((change) => ('drift' in change && change.drift !== null ? [{ path: change.path, drift: change.drift }] : []))
}

/** More than half *and* more than ten of the owned entries, or all of them, would go: refused without `--allow-shrink`. */
export function shrinksTooMuch(owned: number, wanted: number, deleted: number): boolean {
  if (owned === 0) return false
  return wanted === 0 || (deleted > 10 && deleted * 2 > owned)
}

import type { AbsPath, Digest, RelPath } from './path.ts'
import { driftOf, sameOwned } from './drift.ts'
import { holdsForeign, untangled } from './untangle.ts'
import { HEALING, refused, THERE_ALREADY, type Policy, type Stays } from './policy.ts'
import type { AppLock } from './lists.ts'
import { matches, nodeOf, type Node, type Owned, type Present, type Tree, type Wanted } from './tree.ts'

/** How a live entry differs from what we wrote last. */
export type DriftKind = 'edited' | 'missing' | 'mode' | 'type'

/** A key of ours that stays as somebody has changed it, as a JSON pointer, and what the source asks for there. */
export interface StayingKey {
  readonly key: string
  readonly source: 'same' | 'changed' | 'gone'
}

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
  /** Keys of ours in a document that an application writes too. `edits` names the sealed list of what is set and removed; `mode` is as it is now, or will be. */
  | {
      readonly kind: 'edit'
      readonly path: RelPath
      readonly edits: Digest
      readonly mode: number
      /** As it was before, where it was there. */
      readonly modeBefore: number | null
      readonly created: boolean
      readonly lock: AppLock | null
      readonly drift: DriftKind | null
      /** True when values that we did not write are replaced: they are reported as kept. */
      readonly kept: boolean
      /** Which of our keys somebody else has changed and get ours again, as JSON pointers; and which stay. */
      readonly keys: readonly string[]
      readonly stays: readonly StayingKey[]
      /** How many keys were ours, and how many of them the source has dropped. */
      readonly owned: number
      readonly dropped: number
    }
  /** A secret whose ciphertext is new: what becomes of it is known when it is decrypted. */
  | { readonly kind: 'decrypt'; readonly path: RelPath }
  /** An owned entry that is neither wanted nor there, or no longer ours to delete. */
  | { readonly kind: 'forget'; readonly path: RelPath }
  /** The live entry stays as somebody else has left it. */
  | {
      readonly kind: 'stay'
      readonly path: RelPath
      readonly why: Stays
      /** How it differs from what we wrote; null where we never wrote. */
      readonly drift: DriftKind | null
      /** What the source asks for now; null when it asks for nothing here any more. */
      readonly after: Wanted | null
      /** Whether the source asks for something else than we wrote last. */
      readonly news: boolean
      /** Of a document, which of our keys it is about. */
      readonly keys?: readonly string[]
      /** Where nothing else of ours differs: the keys that stay. The inventory learns all that the source asks for beside them. */
      readonly stays?: readonly StayingKey[]
    }
  | {
      readonly kind: 'conflict'
      readonly path: RelPath
      readonly reason: string
      /** Line and column in the live file, from 1, where the reason is about a place in it. */
      readonly at?: readonly [number, number]
      readonly drift?: DriftKind
      readonly keys?: readonly string[]
    }

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
  /** Who has the last word where somebody else has changed something. Default: we do. */
  readonly policy?: Policy
  /** Co-owned documents, which are planned key by key: what is to be done about them, or null. Default: none. */
  readonly coOwned?: ReadonlyMap<RelPath, Change | null>
}

/** The changes that take `present` to `wanted`, in path order. Pure. */
export function plan(situation: Situation): Plan {
  const { coOwned = new Map<RelPath, Change | null>() } = situation
  const paths = [...new Set([...situation.wanted.keys(), ...situation.owned.keys(), ...coOwned.keys()])].toSorted()
  const changes = paths
    .map((path) => (coOwned.has(path) ? (coOwned.get(path) ?? null) : decide(situation, path)))
    .filter((change) => change !== null)
  return { target: situation.target, root: situation.root, changes: untangled(changes, situation.present), wanted: situation.wanted }
}

function decide(situation: Situation, path: RelPath): Change | null {
  const want = situation.wanted.get(path)
  const own = situation.owned.get(path)
  const live = situation.present.get(path)
  if (want === undefined) return own === undefined ? null : away(situation.policy ?? HEALING, path, own, live)
  return own === undefined ? first(situation, path, want, live) : again(situation, path, want, own, live)
}

/** A path that we have never written. */
function first(situation: Situation, path: RelPath, want: Wanted, live: Present | undefined): Change | null {
  const refusal = situation.refuseFirstContact(path)
  if (refusal !== null) return conflict(path, refusal)
  if (live === undefined) return { kind: 'create', path, after: want, drift: null }
  if (matches(live, want)) return { kind: 'adopt', path, after: want }
  const taken = replacing(situation, path, want, undefined, live)
  const { adopt: adoptOf, onDrift } = situation.policy ?? HEALING
  const adopt = adoptOf(path)
  // Only what is ours, and goes, stands in the way, or an empty directory.
  if (taken.kind === 'create') return taken
  // Nothing could be put in its place, and whoever keeps what people do wants to hear of no conflict.
  if (taken.kind === 'conflict' && adopt !== 'leave' && onDrift(path) === 'keep')
    return { kind: 'stay', path, why: 'keep', drift: null, after: want, news: true }
  if (adopt === 'leave') return { kind: 'stay', path, why: 'leave', drift: null, after: want, news: true }
  return adopt === 'refuse' && taken.kind !== 'conflict' ? conflict(path, THERE_ALREADY) : taken
}

/** A path that we wrote, and that is still wanted. */
function again(situation: Situation, path: RelPath, want: Wanted, own: Owned, live: Present | undefined): Change | null {
  const news = !sameOwned(own, want)
  if (matches(live, want)) return news ? { kind: 'adopt', path, after: want } : null
  const drift = driftOf(live, own)
  const { onDrift, rests } = situation.policy ?? HEALING
  const answer = drift === null ? 'heal' : onDrift(path)
  if (answer === 'keep') return { kind: 'stay', path, why: 'keep', drift, after: want, news }
  if (drift !== null && answer === 'refuse') return { kind: 'conflict', path, reason: refused(drift), drift }
  if (drift !== null && !news && rests(path)) return { kind: 'stay', path, why: 'wait', drift, after: want, news }
  return live === undefined ? { kind: 'create', path, after: want, drift } : replacing(situation, path, want, own, live)
}

/** What is wanted takes the place of what is there. */
function replacing(situation: Situation, path: RelPath, want: Wanted, own: Owned | undefined, live: Present): Change {
  if (live.kind === 'special') return conflict(path, 'is neither a file nor a link; move it away')
  if (live.kind === 'blocked') return blocked(situation, path, want, live)
  const drift = own === undefined ? null : driftOf(live, own)
  if (live.kind === 'directory') {
    if (live.foreign !== null) return conflict(path, holdsForeign(live.foreign))
    return { kind: 'create', path, after: want, drift }
  }
  const first = own === undefined
  return { kind: 'update', path, before: nodeOf(live), after: want, drift, kept: first || (drift !== null && drift !== 'mode'), first }
}

/** A path that we wrote, and that is wanted no more. */
function away(policy: Policy, path: RelPath, own: Owned, live: Present | undefined): Change {
  if (policy.letsGo(path)) return { kind: 'forget', path }
  if (live === undefined || live.kind === 'special' || live.kind === 'directory' || live.kind === 'blocked') return { kind: 'forget', path }
  const drift = driftOf(live, own)
  const answer = drift === null ? 'heal' : policy.onDrift(path)
  if (answer === 'keep') return { kind: 'stay', path, why: 'keep', drift, after: null, news: true }
  if (drift !== null && answer === 'refuse') return { kind: 'conflict', path, reason: refused(drift), drift }
  return { kind: 'delete', path, before: nodeOf(live), drift, kept: drift !== null && drift !== 'mode' }
}

/** A directory of `path` is a link or a file. Only a file of ours that this plan deletes, with our content, is cleared out of the way. */
function blocked(situation: Situation, path: RelPath, want: Wanted, live: Extract<Present, { kind: 'blocked' }>): Change {
  const owned = situation.owned.get(live.by)
  const there = situation.present.get(live.by)
  const goes = owned === undefined || situation.wanted.has(live.by) ? null : away(situation.policy ?? HEALING, live.by, owned, there)
  // Other permissions are no work of which a copy could be missed.
  if (goes?.kind === 'delete' && !goes.kept) return { kind: 'create', path, after: want, drift: null }
  const what = live.link ? 'a link, and links are not followed below a target' : 'not a directory'
  return conflict(path, `cannot be written: ${JSON.stringify(live.by)} is ${what}; move it away or exclude the path`)
}

function conflict(path: RelPath, reason: string): Change {
  return { kind: 'conflict', path, reason }
}

/** A change that writes something. */
export type Write = Extract<Change, { kind: 'create' | 'update' | 'delete' | 'edit' }>

/** The changes that write something. */
export function writes(changes: readonly Change[]): Write[] {
  return changes.filter(
    (change) => change.kind === 'create' || change.kind === 'update' || change.kind === 'delete' || change.kind === 'edit',
  )
}

/** The paths that stay as a whole as somebody else has left them, for good or until somebody decides. */
export function staying({ changes }: Pick<Plan, 'changes'>): ReadonlySet<RelPath> {
  const stay = changes.filter((change) => (change.kind === 'stay' && change.stays === undefined) || change.kind === 'conflict')
  return new Set(stay.map(({ path }) => path))
}

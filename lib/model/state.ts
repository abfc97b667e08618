import type { CoOwnership } from './lists.ts'
import type { Condition } from './conditions.ts'
import type { OutcomeKind } from './outcome.ts'
import type { AbsPath, Digest, RelPath, Sha } from './path.ts'
import type { Killed, Refusal } from './refusal.ts'
import type { Counts } from './counts.ts'
import type { Step } from './steps.ts'
import type { Node, Owned, Parts } from './tree.ts'

/** What a source looked like when it was last applied. */
export interface Applied {
  readonly commit: Sha
  /** Digest of everything that was desired: paths, modes, objects and declarations. */
  readonly desired: string
  readonly at: string
  readonly generation: number
}

/** What we own below one live directory. */
export interface OwnedTarget {
  readonly source: string
  readonly name: string
  readonly onRemove: 'restore' | 'leave'
  readonly entries: ReadonlyMap<RelPath, Owned>
  /** Directories below it that exist because of us. */
  readonly directories: readonly RelPath[]
}

/** A secret file of ours, or our keys in a document. Digests are keyed: what they stand for is sealed. */
export interface OwnedSecret {
  readonly source: string
  readonly name: string
  readonly strategy: 'replace' | 'merge'
  /** How a merged document is read, whether it was not there before us, and else its permission bits then. */
  readonly as: CoOwnership
  readonly made: boolean
  readonly mode: number | null
  readonly onRemove: 'restore' | 'leave'
  /** `oid` is the ciphertext's, or one name for all parts, `digest` the plaintext's. */
  readonly owned: Owned
  /** What stood there before we first wrote it. */
  readonly original: Node | null
  /** What stood under our keys of a merged document before we first set them: a sealed record. */
  readonly prior: Digest | null
  /** What we wrote last under keys that stay as somebody has changed them: a sealed record. Absent where there are none. */
  readonly last?: Digest
  /** What the source asks for in its place, while what somebody has made of it stays: the ciphertext's object and the fingerprint of its plaintext. */
  readonly declined: { readonly oid: Sha; readonly digest: Digest; readonly parts?: Parts } | null
  /** Absent where an encrypted file is all that it is made of. */
  readonly parts?: Parts
}

/**
 * The inventory: all that we own on this machine, keyed by absolute live path. Writing it is the commit of an apply:
 * a journalled generation up to `generation` is done, a later one is undone.
 */
export interface Inventory {
  readonly generation: number
  readonly applied: ReadonlyMap<string, Applied>
  readonly targets: ReadonlyMap<AbsPath, OwnedTarget>
  readonly secrets: ReadonlyMap<AbsPath, OwnedSecret>
  /** The name of the host key that the secrets' digests were made with; another key makes them mean nothing. */
  readonly hostKey: string | null
  /** Generation 0: what stood at a path before we first wrote it, or adopted it. */
  readonly originals: ReadonlyMap<AbsPath, Node>
  /** Directories that were there before us and made room for a file of ours, with their permission bits. */
  readonly vacated: ReadonlyMap<AbsPath, number>
  /** Live directories of targets and secrets, and directories above them, that exist because of us. */
  readonly roots: readonly AbsPath[]
}

/** What a machine owns before its first run. */
export const EMPTY_INVENTORY: Inventory = {
  generation: 0,
  applied: new Map(),
  targets: new Map(),
  secrets: new Map(),
  hostKey: null,
  originals: new Map(),
  vacated: new Map(),
  roots: [],
}

/** A bad state of which the notifiers have heard; its key holds nothing that changes from run to run. */
export interface Alerted {
  readonly event: 'rolled-back' | 'refused' | 'failed' | 'stuck'
  readonly key: string
}

/** What a person has said of a source. */
export interface Wish {
  readonly at: string
  readonly by: string
  readonly reason: string | null
}

/** What is known of a source's last attempts; losing it costs nothing but memory. */
export interface SourceStatus {
  readonly attempted: {
    readonly commit: Sha | null
    readonly at: string
    readonly outcome: OutcomeKind
    readonly reason: string | null
    readonly message: string
  } | null
  /** When the source last answered. */
  readonly fetchedAt: string | null
  /** Revisions that did not go well, the newest last. */
  readonly refused: readonly Refusal[]
  readonly killed: Killed | null
  /** The new revision that is being applied; still there when the next run begins, the run was killed. */
  readonly trying: { readonly desired: string; readonly commit: Sha } | null
  readonly alerted: Alerted | null
  /** The commit that is wanted whatever the source says, while a person wants that. */
  readonly pinned: (Wish & { readonly commit: Sha }) | null
  /** Nothing at all is done for it, while a person wants that. */
  readonly suspended: Wish | null
  /** As of the last attempt; none before the first. */
  readonly conditions: readonly Condition[]
}

/** What is known of a source that was never tried. */
export const EMPTY_SOURCE: SourceStatus = {
  attempted: null,
  fetchedAt: null,
  refused: [],
  killed: null,
  trying: null,
  alerted: null,
  pinned: null,
  suspended: null,
  conditions: [],
}

/** One applied state of a unit: what was written, what was there before, why, when, from which revision. */
export interface Generation {
  readonly number: number
  readonly unit: string
  readonly commit: Sha | null
  readonly desired: string
  /** `revision`: new content; `heal`: drift taken back; `removed`: a target left the config, or all of them by hand. */
  readonly why: 'revision' | 'heal' | 'removed'
  readonly at: string
  /** Who wrote the commit, `name <email>`; null where there is none. */
  readonly author: string | null
  /** Who signed the commit, as Git tells it; null where nobody did. */
  readonly signer: string | null
  /** The targets and secrets that it wrote to, and how much. */
  readonly wrote: Counts & { readonly targets: readonly string[] }
  /** What people wrote, and it replaced: a copy of each is kept. */
  readonly kept: readonly KeptCopy[]
  /** `rolled-back`: it failed; `undone`: its run was killed; `taken-back`: by a person. Of these only the record is left, with nothing to undo. */
  readonly outcome: 'applied' | 'rolled-back' | 'taken-back' | 'undone'
  /** When it came to be something else than applied; null while it is. */
  readonly ended: string | null
  /** Why it came to that, in one sentence; null while it is applied. */
  readonly reason: string | null
  readonly steps: readonly Step[]
  /** How the inventory was before: enough to take the generation's part in it back. */
  readonly before: {
    readonly applied: Applied | null
    readonly targets: ReadonlyMap<AbsPath, TargetBefore>
    readonly secrets: ReadonlyMap<AbsPath, OwnedSecret | null>
    /** The originals that it touched, null where there was none. */
    readonly originals: ReadonlyMap<AbsPath, Node | null>
    /** The directories of others that made room, or came back; null where none had made room before. */
    readonly vacated: ReadonlyMap<AbsPath, number | null>
    /** The directories that it made or took away, and whether they counted as ours. */
    readonly roots: ReadonlyMap<AbsPath, boolean>
  }
}

/** A person's work that was replaced: a file, or for a document the values that our keys replaced. */
export interface KeptCopy {
  readonly path: AbsPath
  readonly copy: Digest
}

/** A target's inventory before a generation: only the entries that it touched, null where there was none. */
export interface TargetBefore extends Omit<OwnedTarget, 'entries'> {
  readonly existed: boolean
  readonly entries: ReadonlyMap<RelPath, Owned | null>
}

/** The inventory as it was before a generation. Taking back what was never committed changes nothing. */
export function takeBack(inventory: Inventory, generation: Generation): Inventory {
  const applied = new Map(inventory.applied)
  if (generation.before.applied === null) applied.delete(generation.unit)
  else applied.set(generation.unit, generation.before.applied)
  const targets = new Map(inventory.targets)
  for (const [root, { existed, entries: touched, ...rest }] of generation.before.targets) {
    const entries = new Map(targets.get(root)?.entries)
    for (const [path, owned] of touched) {
      if (owned === null) entries.delete(path)
      else entries.set(path, owned)
    }
    if (existed) targets.set(root, { ...rest, entries })
    else targets.delete(root)
  }
  const originals = asBefore(inventory.originals, generation.before.originals)
  const vacated = asBefore(inventory.vacated, generation.before.vacated)
  const secrets = asBefore(inventory.secrets, generation.before.secrets)
  const roots = new Set(inventory.roots)
  for (const [path, ours] of generation.before.roots) {
    if (ours) roots.add(path)
    else roots.delete(path)
  }
  return { ...inventory, applied, targets, secrets, originals, vacated, roots: [...roots] }
}

function asBefore<V>(now: ReadonlyMap<AbsPath, V>, before: ReadonlyMap<AbsPath, V | null>): Map<AbsPath, V> {
  const result = new Map(now)
  for (const [path, value] of before) {
    if (value === null) result.delete(path)
    else result.set(path, value)
  }
  return result
}

import type { OutcomeKind } from './outcome.ts'
import type { AbsPath, Digest, RelPath, Sha } from './path.ts'
import type { Step } from './steps.ts'
import type { Node, Owned } from './tree.ts'

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
  readonly onRemove: 'restore' | 'leave'
  /** `oid` is the ciphertext's, `digest` the plaintext's. */
  readonly owned: Owned
  /** What stood there before we first wrote it. */
  readonly original: Node | null
  /** What stood under our keys of a merged document before we first set them: a sealed record. */
  readonly prior: Digest | null
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
  /** Generation 0: what stood at a path before we first wrote it. */
  readonly originals: ReadonlyMap<AbsPath, Node>
}

/** What a machine owns before its first run. */
export const EMPTY_INVENTORY: Inventory = {
  generation: 0,
  applied: new Map(),
  targets: new Map(),
  secrets: new Map(),
  hostKey: null,
  originals: new Map(),
}

/** A revision that is not tried again until its content, the config or a person's `retry` changes that. */
export interface Held {
  readonly desired: string
  readonly commit: Sha
  readonly since: string
  readonly reason: string
}

/** A bad state of which the notifiers have heard; its key holds nothing that changes from run to run. */
export interface Alerted {
  readonly event: 'rolled-back' | 'refused' | 'failed' | 'stuck'
  readonly key: string
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
  readonly held: Held | null
  readonly alerted: Alerted | null
}

/** One applied state of a unit: what was written, what was there before, why, when, from which revision. */
export interface Generation {
  readonly number: number
  readonly unit: string
  readonly commit: Sha | null
  readonly desired: string
  /** `revision`: new content; `heal`: drift taken back; `removed`: a target left the config. */
  readonly why: 'revision' | 'heal' | 'removed'
  readonly at: string
  readonly steps: readonly Step[]
  /** When a person took it back, or null. */
  readonly takenBack: string | null
  /** How the inventory was before: enough to take the generation's part in it back. */
  readonly before: {
    readonly applied: Applied | null
    readonly targets: ReadonlyMap<AbsPath, TargetBefore>
    readonly secrets: ReadonlyMap<AbsPath, OwnedSecret | null>
    /** The originals that it touched, null where there was none. */
    readonly originals: ReadonlyMap<AbsPath, Node | null>
  }
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
  const originals = new Map(inventory.originals)
  for (const [path, original] of generation.before.originals) {
    if (original === null) originals.delete(path)
    else originals.set(path, original)
  }
  const secrets = new Map(inventory.secrets)
  for (const [path, before] of generation.before.secrets) {
    if (before === null) secrets.delete(path)
    else secrets.set(path, before)
  }
  return { ...inventory, applied, targets, secrets, originals }
}

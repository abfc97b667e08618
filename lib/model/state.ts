import type { OutcomeKind } from './outcome.ts'
import type { AbsPath, RelPath, Sha } from './path.ts'
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
  /** A target is keyed by its live directory, a secret by its live file. */
  readonly kind: 'target' | 'secret'
  readonly source: string
  readonly name: string
  readonly onRemove: 'restore' | 'leave'
  readonly entries: ReadonlyMap<RelPath, Owned>
  /** Directories below it that exist because of us. */
  readonly directories: readonly RelPath[]
}

/**
 * The inventory: all that we own on this machine, keyed by absolute live path. Writing it is the commit of an apply:
 * a journalled generation up to `generation` is done, a later one is undone.
 */
export interface Inventory {
  readonly generation: number
  readonly applied: ReadonlyMap<string, Applied>
  readonly targets: ReadonlyMap<AbsPath, OwnedTarget>
  /** Generation 0: what stood at a path before we first wrote it. */
  readonly originals: ReadonlyMap<AbsPath, Node>
}

/** What a machine owns before its first run. */
export const EMPTY_INVENTORY: Inventory = { generation: 0, applied: new Map(), targets: new Map(), originals: new Map() }

/** A revision that is not tried again until its content, the config or a person's `retry` changes that. */
export interface Held {
  readonly desired: string
  readonly commit: Sha
  readonly since: string
  readonly reason: string
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
  return { ...inventory, applied, targets, originals }
}

import type { Shell } from 'zx'
import type { Host } from '../model/context.ts'
import type { Edit } from '../model/edits.ts'
import type { Json } from '../model/json.ts'
import type { ListRules } from '../model/lists.ts'
import type { AbsPath } from '../model/path.ts'

/** What a task is handed. */
export interface TaskContext {
  /** zx's `$`: bash, quiet, with the deadline, the environment and the working directory of this check or task. */
  readonly $: Shell
  /** What `~` means; also `HOME` of every command. */
  readonly home: AbsPath
  /** The source this belongs to, or null for one that runs last. */
  readonly source: string | null
  /** The commit that is being applied, or null. */
  readonly revision: string | null
  /** Aborted at the deadline, or when the run is interrupted. */
  readonly signal: AbortSignal
}

/** What a check is handed. */
export interface CheckContext extends TaskContext {
  /** The directory that holds the candidate, a directory a target, and is `$GITOPS_STAGE`; null in a smoke check. */
  readonly stage: AbsPath | null
  /** The files of this machine, to be read. */
  readonly files: Files
  /** Says what a person should hear and what is no reason to fail: one sentence, shown when the run ends. */
  readonly warn: (sentence: string) => void
  /** Says why there is nothing that could be checked here, such as `claude is not installed`: the check counts as skipped, unless it fails. */
  readonly skip: (reason: string) => void
  /**
   * Says what is wrong at one place, as often as there is something: an error fails the check once it has ended, a warning is shown
   * like that of `warn`. `gitops validate` shows each with its file and line.
   */
  readonly report: (finding: CheckFinding) => void
}

/** What a check has found at one place. Nothing in it may be secret. */
export interface CheckFinding {
  /** Below the stage, `TARGET/path`; a live path in a smoke check; null for what belongs to no file. */
  readonly path: string | null
  /** From 1. */
  readonly line?: number
  /** From 1. */
  readonly column?: number
  /** In place of line and column: the keys that lead to a value of a JSON or YAML document, such as `['hooks', 'Stop', 0]`. */
  readonly at?: readonly (string | number)[]
  /** Default: `error`. */
  readonly severity?: 'error' | 'warning'
  /** One sentence. */
  readonly message: string
  /** What to do. */
  readonly hint?: string
}

/** Looks at files and changes none. Links are followed. */
export interface Files {
  /** What is at a path, or null when there is nothing, or nothing that may be read. */
  readonly kind: (path: string) => 'file' | 'executable' | 'directory' | 'other' | null
  /** The text of a file. Throws `io` when it cannot be read. */
  readonly text: (path: string) => string
  /** Every file below a directory, as paths relative to it, in order; none when it is not there. Links are not walked into. */
  readonly below: (directory: string) => readonly string[]
}

/** What a preset is handed. */
export interface PresetHost extends Host {
  /** Whether `home` is the user's own: with a `home` of the config, the environment speaks of another one. */
  readonly ownHome: boolean
  /** Whether there is something at an absolute path. */
  readonly exists: (path: string) => boolean
}

/** A change of state that somebody should hear of. It is what notifiers get, as JSON. */
export interface AlertEvent {
  readonly kind: 'alert'
  readonly event: 'rolled-back' | 'refused' | 'failed' | 'stuck' | 'recovered'
  /** The config's name, the host, the source. */
  readonly name: string
  readonly host: string
  readonly source: string
  readonly revision: string | null
  readonly reason: string
  readonly message: string
  /** ISO 8601, UTC. */
  readonly at: string
}

/** What a notifier is handed beside the event. */
export interface NotifierContext {
  /** Aborted at the deadline. */
  readonly signal: AbortSignal
}

/** How documents of one format are read and written when an application owns some of their keys and we own others. */
export interface MergeStrategy {
  /** What the config, the inventory and the journal call it. */
  readonly name: string
  /**
   * The value in a document; undefined for an empty one. `name` is the file's, for messages. Throws, with the place and without the
   * text, when it does not parse: then it is never written to.
   */
  readonly read: (text: string, name: string) => Json | undefined | Promise<Json | undefined>
  /**
   * The keys of a document, each of which has one owner: its value with every list that is not merged as a whole as an object of its
   * items. Without it, all lists are merged as a whole.
   */
  readonly owned?: (value: Json | undefined, lists: ListRules) => Json | undefined
  /**
   * The text with some keys set, or removed where there is no `after`; nothing else in it changes. An empty text becomes a document of
   * those keys. Throws when it cannot do that.
   */
  readonly write: (text: string, edits: readonly Edit[], lists: ListRules) => string | Promise<string>
  /** The edits that meet a key which the document has twice, so that nobody can tell which one counts, each with that key. An edit of an empty path meets all keys. */
  readonly doubled?: (text: string, edits: readonly Edit[]) => Promise<ReadonlyMap<Edit, DoubledKey>>
  /**
   * How the values at some paths are written in a text, in their order; null where nobody can say. It comes back to `write` as an edit's
   * `afterText` when such a value is put back; without it, values come back and their notation may not.
   */
  readonly written?: (text: string, paths: readonly (readonly string[])[], lists: ListRules) => Promise<readonly (string | null)[]>
}

/** A key that an object has twice, and where it stands for the second time; lines and columns count from 1. */
export interface DoubledKey {
  readonly key: string
  readonly line: number
  readonly column: number
}

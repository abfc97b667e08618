import type { Host } from './context.ts'
import type { CoOwnership } from './lists.ts'
import type { AbsPath, RelPath } from './path.ts'
import type { Retries } from './refusal.ts'
import type { Adopt, OnDrift } from './policy.ts'

/** A source with everything decided. */
export interface Source {
  readonly name: string
  /** As the config says it, for messages; `url` and `directory` are what is used. */
  readonly repo: string
  /**
   * `self` is the clone that holds the config, `path` another local repository, `url` a remote one.
   * `directory` is null for a URL.
   */
  readonly kind: 'self' | 'path' | 'url'
  readonly directory: AbsPath | null
  /** A branch, tag or full commit id; null lets the repository's own HEAD decide. */
  readonly ref: string | null
  readonly fsck: boolean
  /** Milliseconds that one fetch may take. */
  readonly timeout: number
}

/** A target with everything decided; its globs are predicates by now. */
export interface Target {
  readonly name: string
  readonly source: string
  /** The directory in the source; null is its top. */
  readonly from: RelPath | null
  readonly to: AbsPath
  readonly accepts: (path: RelPath) => boolean
  readonly protects: (path: RelPath) => boolean
  /** Declared permission bits of a path, `+x` for one that is executable whatever Git says, or null. */
  readonly modeOf: (path: RelPath) => number | '+x' | null
  /** How a path's keys are merged into what is there; null where the whole file is ours. */
  readonly mergeOf: (path: RelPath) => CoOwnership | null
  /** What becomes of a path that was there before us and differs. */
  readonly adopt: (path: RelPath) => Adopt
  /** What becomes of a path of ours that somebody else has changed. */
  readonly onDrift: (path: RelPath) => OnDrift
  readonly onRemove: 'restore' | 'leave'
  /** The declaration as text: part of the digest of desired content. */
  readonly declaration: string
}

/** What a check or a task is handed; the plug-in contract gives it its type. */
export type Body<Context> = string | ((context: Context) => unknown)

/** A check with everything decided. */
export interface Check<Context = never> {
  readonly name: string
  readonly source: string | null
  readonly run: Body<Context>
  /** Milliseconds one attempt may take. */
  readonly timeout: number
  /** Further attempts after the first one fails. */
  readonly retries: number
}

/** A task with everything decided. */
export interface Task<Context = never> {
  readonly name: string
  readonly source: string | null
  readonly run: Body<Context>
  readonly undo: Body<Context> | null
  readonly timeout: number
}

/** A live file that an encrypted file of a source is for, or a document that gets keys from one, from a plain one, or from both; with everything decided. */
export interface SecretFile {
  readonly name: string
  /** Where the config declares it, for sentences: `secrets.account`. */
  readonly place: string
  readonly source: string
  /** The encrypted file; null where there is none. */
  readonly from: RelPath | null
  /** The file with keys that are no secret; null where there is none. */
  readonly plain: RelPath | null
  /** Whether the source may be without the plain file. */
  readonly optional: boolean
  /** Keys that belong to the application, by JSON pointer. */
  readonly protects: readonly string[]
  readonly to: AbsPath
  readonly strategy: 'replace' | 'merge'
  /** How it is merged. */
  readonly as: CoOwnership
  readonly adopt: 'careful' | 'replace'
  readonly onDrift: OnDrift
  readonly onRemove: 'restore' | 'leave'
  /** The declaration as text: part of the digest of desired content. */
  readonly declaration: string
}

/** One with an encrypted file. */
export type Encrypted = SecretFile & { readonly from: RelPath }

/** Whether there is an encrypted file for it. */
export function isEncrypted(secret: SecretFile): secret is Encrypted {
  return secret.from !== null
}

/** Who hears of a change of state. */
export interface Notifier {
  readonly name: string
  readonly on: readonly string[]
  readonly send: string | ((event: never, context: never) => unknown)
  /** Milliseconds. */
  readonly timeout: number
}

/** Findings of the gate that are no faults. */
export interface Allowance {
  /** `leak/aws`, or `leak/*` for all of its kind. */
  readonly rule: string
  /** As it is written, for messages. */
  readonly glob: string
  readonly path: (path: string) => boolean
  readonly reason: string
  /** The beginning of the Git object id of the file that it is about; null for any. */
  readonly digest: string | null
}

/** When scheduled runs are due; intervals in milliseconds. */
export type Schedule =
  | { readonly kind: 'every'; readonly every: number }
  | { readonly kind: 'cron'; readonly cron: string; readonly timeZone: string | null }

/** The whole configuration, checked and frozen. */
export interface Config {
  readonly name: string
  /** The config file, or null when the config was handed over by a program. */
  readonly file: AbsPath | null
  /** The config file and every module of the user's that it imports, as real paths: all of them are the config. */
  readonly modules: readonly AbsPath[]
  readonly directory: AbsPath
  readonly home: AbsPath
  /** Files with age identities, beside the places where sops looks. */
  readonly identities: readonly AbsPath[]
  /** Where our own state lives. */
  readonly state: AbsPath
  /** The key of this host: it seals copies of secrets and keys their fingerprints. */
  readonly hostKey: AbsPath
  readonly sources: readonly Source[]
  readonly targets: readonly Target[]
  readonly checks: { readonly syntax: (path: RelPath) => boolean; readonly validate: readonly Check[]; readonly smoke: readonly Check[] }
  readonly tasks: { readonly before: readonly Task[]; readonly after: readonly Task[] }
  readonly secrets: readonly SecretFile[]
  /** The strategies of co-owned documents that the config brings along. */
  readonly strategies: readonly { readonly name: string }[]
  /** How often a revision that fails its checks is tried. */
  readonly retry: Retries
  readonly notify: readonly Notifier[]
  /** The file that audit records are appended to. */
  readonly audit: AbsPath
  /** How many generations of each kind a source keeps, and for how many milliseconds. */
  readonly history: { readonly generations: number; readonly age: number }
  readonly schedule: Schedule | null
  readonly gate: {
    readonly allow: readonly Allowance[]
    /** Whether a file of the repository is searched for secrets. */
    readonly scans: (path: string) => boolean
  }
  readonly host: Host
}

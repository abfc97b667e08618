import type { Shell } from 'zx'
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

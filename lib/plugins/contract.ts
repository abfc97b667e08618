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

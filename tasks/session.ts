import type { ListrBaseClassOptions, ListrRendererFactory } from 'listr2'
import { GitopsError } from '../lib/model/errors.ts'
import { exitCode, outcomeOf } from '../lib/model/outcome.ts'
import type { Config } from '../lib/model/config.ts'
import { verdictOf, verdictOfError, type Verdict } from '../lib/model/verdict.ts'
import { begin, type Begun, type Beginning } from './begin.ts'
import { tell } from './reconcile.ts'
import { moved, type Run } from './run.ts'

export type Rendering = ListrBaseClassOptions<Run, ListrRendererFactory, ListrRendererFactory>

/** What else a session does: with the lock in hand before the story, or in place of a verdict when the config has changed under it. */
export interface Around {
  readonly first?: (run: Run) => void
  /** A new process tells the rest with the config that the pull has brought; resolves with its exit code. */
  readonly handOver?: (begun: Begun) => Promise<number>
}

/**
 * One reconcile from the lock to the verdict. `code` is the exit code; the verdict is null when another process has spoken it.
 * Throws `locked`, `config` or `interrupted` when it cannot begin.
 */
export async function session(
  config: Config,
  beginning: Beginning,
  rendering: Rendering,
  around: Around = {},
): Promise<{ verdict: Verdict | null; code: number; run: Run }> {
  const begun = await begin(config, beginning)
  const { run, lock } = begun
  try {
    around.first?.(run)
    await tell(run, rendering)
    if (run.failure === null && moved(run) && around.handOver !== undefined)
      return { verdict: null, code: await around.handOver(begun), run }
    return { ...(run.failure === null ? concluded(run) : ended(run.failure)), run }
  } finally {
    lock?.release()
  }
}

/** What the outcomes of a run that has been told amount to. */
export function concluded(run: Run): { verdict: Verdict; code: number } {
  const outcomes = run.units.map((unit) => unit.outcome).filter((outcome) => outcome !== null)
  const interrupted = run.signal.aborted && outcomes.some((outcome) => outcome.reason === 'Interrupted')
  const verdict = verdictOf(outcomes, run.host.dry, interrupted ? interruption(run.signal) : null)
  return { verdict, code: verdict.exitCode }
}

/** The verdict of a session that a `GitopsError` ended outside of any unit. */
export function ended(error: GitopsError): { verdict: Verdict; code: number } {
  const outcome = outcomeOf(error.code)
  const code =
    error.code === 'usage' || error.code === 'config' ? 2 : error.code === 'interrupted' ? interruption(null, error) : exitCode(outcome)
  return { verdict: verdictOfError(error, code, outcome), code }
}

function interruption(signal: AbortSignal | null, error?: GitopsError): number {
  const reason: unknown = signal?.reason ?? error
  return reason instanceof GitopsError && reason.message.includes('SIGTERM') ? 143 : 130
}

import type { ListrBaseClassOptions, ListrRendererFactory } from 'listr2'
import type { Config } from '../lib/model/config.ts'
import { ended, interruption, verdictOf, type Verdict } from '../lib/model/verdict.ts'
import { begin, type Begun, type Beginning } from './begin.ts'
import { tell } from './reconcile.ts'
import { interrupted as wasKilled, moved, type Run } from './run.ts'

/** How listr2 paints the story. */
export type Rendering = ListrBaseClassOptions<Run, ListrRendererFactory, ListrRendererFactory>

/** What a session does in place of a verdict when the config has changed under it. */
export interface Around {
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
  const interrupted =
    run.signal.aborted &&
    outcomes.some((outcome) => outcome.reason === 'Interrupted') &&
    outcomes.every((outcome) => outcome.kind !== 'stuck')
  const verdict = verdictOf(outcomes, run.host.dry, interrupted ? interruption(run.signal.reason) : null)
  return run.host.dry && wasKilled(run) ? halfDone(verdict) : { verdict, code: verdict.exitCode }
}

/** What a dry run says of a killed one: the next run that writes undoes it first, and plans then. */
function halfDone(verdict: Verdict): { verdict: Verdict; code: number } {
  const exitCode = verdict.exitCode === 0 ? 3 : verdict.exitCode
  const message = `A run was killed half-way: \`gitops reconcile\` undoes that first, and then looks again.${verdict.outcome === 'in-sync' ? '' : `\n${verdict.message}`}`
  return { verdict: { ...verdict, exitCode, message }, code: exitCode }
}

import { Listr, type ListrBaseClassOptions, type ListrRendererFactory } from 'listr2'
import { applyUnit } from './apply.ts'
import { drift } from './drift.ts'
import { pull } from './pull.ts'
import { record } from './record.ts'
import { interrupted, moved, opened, outside, type Run, type Step, type Teller } from './run.ts'

/** The story of a reconcile, in order. */
export function story(run: Run): Step[] {
  return [
    {
      title: 'recover',
      enabled: () => interrupted(run),
      // Only a run that writes undoes what a killed one left; the others say so.
      skip: () => run.host.dry && 'a run was killed half-way: the next `gitops reconcile` undoes that first',
      task: outside(run, async (task) => {
        const { recover } = await import('./recover.ts')
        task.title = `recover  ${(await recover(run)).join('; ')}`
      }),
    },
    { title: 'pull', task: (_, task) => each(task, pull(run)) },
    { title: 'drift', enabled: () => !moved(run), task: (_, task) => each(task, drift(run)) },
    {
      title: 'apply',
      enabled: () => !moved(run),
      task: (_, task) =>
        each(
          task,
          run.units.map((unit) => applyUnit(run, unit)),
        ),
    },
    {
      title: 'stand by',
      enabled: async () =>
        !moved(run) && run.units.some(({ outcome }) => (outcome?.error ?? null) !== null) && (await import('./stand-by.ts')).standBy(run),
      task: async (_, task) => each(task, (await import('./stand-by.ts')).healing(run)),
    },
    {
      title: 'smoke',
      enabled: () => opened(run).length > 0 && run.config.checks.smoke.some((check) => check.source === null),
      // Its failure is in the outcomes of the units, and is to be recorded.
      exitOnError: false,
      task: async (_, task) => (await import('./last-checks.ts')).lastChecks(run, task),
    },
    { title: 'record', enabled: () => !moved(run), task: outside(run, () => record(run)) },
  ]
}

/** One line a source; a source that fails leaves the others alone. Verdicts come from the run's outcomes, never from here. */
function each(task: Teller, steps: Step[]): Listr<Run, ListrRendererFactory, ListrRendererFactory> {
  return task.newListr(steps, {
    concurrent: false,
    exitOnError: false,
    exitAfterRollback: false,
    rendererOptions: { collapseSubtasks: false, collapseErrors: false },
  })
}

/** Tells the story with the given renderer. Returns when it has ended, well or not: `run` knows how. */
export async function tell(run: Run, rendering: ListrBaseClassOptions<Run, ListrRendererFactory, ListrRendererFactory>): Promise<void> {
  const list = new Listr<Run, ListrRendererFactory, ListrRendererFactory>(story(run), {
    ...rendering,
    ctx: run,
    concurrent: false,
    exitOnError: true,
    registerSignalListeners: false,
  })
  try {
    await list.run()
  } catch (error) {
    // What a step or a unit has recorded decides; anything that none of them knows is kept.
    if (run.failure === null && run.units.every((unit) => unit.outcome === null)) throw error
  }
}

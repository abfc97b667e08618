import { short } from '../lib/model/path.ts'
import { staysSaid } from './answers.ts'
import { changes, targetOutcomes, type Run, type Step, type Unit } from './run.ts'

/** One source's chapter, all or nothing. It owns the only rollback; what it is made of is loaded when there is something to do. */
export function applyUnit(run: Run, unit: Unit): Step {
  return {
    title: `${unit.name}${unit.commit === null ? '' : ` ${short(unit.commit)}`}`,
    skip: () => whyNot(run, unit),
    task: async (_, task) =>
      task.newListr((await import('./chapter.ts')).chapter(run, unit), {
        concurrent: false,
        exitOnError: true,
        exitAfterRollback: true,
        rendererOptions: { collapseSubtasks: false },
      }),
    rollback: async (_, task) => {
      const { rollback } = await import('./rollback.ts')
      task.title = await rollback(run, unit)
      if (unit.outcome?.reason === 'Locked') return
      ;(await import('./hold.ts')).noteTried(run, unit)
    },
  }
}

/** Why a unit has nothing to apply, and what its outcome then is. */
function whyNot(run: Run, unit: Unit): string | false {
  if (unit.outcome !== null) return 'see above'
  if (changes(unit)) return false
  unit.outcome = {
    source: unit.name,
    kind: 'in-sync',
    reason: 'InSync',
    message: staysSaid(run, unit),
    revision: unit.commit,
    targets: targetOutcomes(unit),
    error: null,
  }
  return 'in sync'
}

import { contestedAfter, rests } from '../lib/model/contested.ts'
import { isWithin, under, type AbsPath } from '../lib/model/path.ts'
import { writes } from '../lib/model/plan.ts'
import { planned, type Run, type Unit } from './run.ts'

/** Whether something has rewritten a path in so many runs in a row that it is not put back for now. */
export function isResting(run: Run, path: AbsPath): boolean {
  const known = run.status.contested[path]
  return known !== undefined && !run.options.heal && rests(known, run.host.now().getTime())
}

/** What this run has learnt of paths that something else rewrites, for the next one. */
export function rememberContested(run: Run): void {
  const looked = run.units.filter(
    ({ outcome, standingBy }) => outcome?.kind === 'applied' || outcome?.kind === 'in-sync' || standingBy !== null,
  )
  const parts = looked.flatMap((unit) => planned(unit))
  const contested = contestedAfter(
    run.status.contested,
    {
      healed: looked.filter(({ generation }) => generation !== null).flatMap(healed),
      waiting: looked.flatMap(waiting),
      seen: (path) => parts.some((part) => ('key' in part ? part.key === path : isWithin(path, part.root))),
    },
    run.host.now().getTime(),
  )
  run.status = { ...run.status, contested }
}

function healed(unit: Unit): AbsPath[] {
  return planned(unit).flatMap(({ root, plan }) =>
    writes(plan.changes).flatMap((change) => ('drift' in change && change.drift !== null ? [under(root, change.path)] : [])),
  )
}

function waiting(unit: Unit): AbsPath[] {
  return planned(unit).flatMap(({ root, plan }) =>
    plan.changes.flatMap((change) => (change.kind === 'stay' && change.why === 'wait' ? [under(root, change.path)] : [])),
  )
}

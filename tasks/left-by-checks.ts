import { under, type AbsPath } from '../lib/model/path.ts'
import { writes } from '../lib/model/plan.ts'
import { planned, type Unit } from './run.ts'

/** As many paths as a person reads in a sentence. */
const MOST = 3

/** What a unit's checks have left behind them, as a part of a sentence; an empty text where that is nothing. */
export function leftByChecks(unit: Unit): string {
  const { again } = unit
  if (again === null) return ''
  const paths = planned(again).flatMap(({ root, plan }) => writes(plan.changes).map(({ path }) => under(root, path)))
  const others = othersLeft(unit, again)
  const stay = others.length === 0 ? '' : `${listed(others)} changed while the checks ran, and ${be(others)} left so`
  if (again.outcome !== null)
    return `${listed(paths)} changed while the checks ran, and could not be put back: ${again.outcome.message}. The next run tries again`
  return [paths.length === 0 ? '' : `${listed(paths)} changed while the checks ran, and ${be(paths)} put back`, stay]
    .filter(Boolean)
    .join('; ')
}

/** Paths that have changed, and stay since the config or a person decides about it. */
export function othersLeft(unit: Unit, again: Unit): AbsPath[] {
  const known = new Set(left(unit))
  return left(again).filter((path) => !known.has(path))
}

function left(unit: Unit): AbsPath[] {
  return planned(unit).flatMap(({ root, plan }) =>
    plan.changes.flatMap((change) => (change.kind === 'stay' || change.kind === 'conflict' ? [under(root, change.path)] : [])),
  )
}

function listed(paths: readonly AbsPath[]): string {
  const more = paths.length > MOST ? ` and ${paths.length - MOST} more` : ''
  return `${paths.slice(0, MOST).join(', ')}${more}`
}

function be(paths: readonly AbsPath[]): string {
  return paths.length === 1 ? 'is' : 'are'
}

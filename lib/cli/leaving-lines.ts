import { printable } from '../model/errors.ts'
import { under } from '../model/path.ts'
import { counts } from '../model/counts.ts'
import type { Change } from '../model/plan.ts'
import { planned, type Planned, type Unit } from '../../tasks/run.ts'

/** What taking our files away does, or would do, for people: a line for each target and secret, and one for each person's work that stays or is kept. */
export function leavingLines(units: readonly Unit[]): string[] {
  return units.flatMap(planned).flatMap((part) => {
    const { name, root, plan } = part
    const lines = plan.changes.flatMap((change) => {
      const what = change.kind === 'stay' ? 'it stays, and is no longer ours' : 'kept' in change && change.kept ? 'a copy is kept' : null
      return what === null ? [] : [`  ${under(root, change.path)} was edited since it was applied: ${what}`]
    })
    return [`${name}  ${isLeft(part) ? 'left as it is' : told(plan.changes)}, in ${root}`, ...lines].map(printable)
  })
}

/** Whether what a target or secret has written is to stay: `onRemove: 'leave'`. */
export function isLeft(part: Planned): boolean {
  return 'onRemove' in part ? part.onRemove === 'leave' : part.plan.changes.length === 0
}

function told(changes: readonly Change[]): string {
  const { created, updated, deleted } = counts(changes)
  const edits = changes.filter(({ kind }) => kind === 'edit').length
  const back = created + updated - edits
  const parts = [
    [deleted, 'taken away'],
    [back, 'put back'],
    [edits, 'cleared of our keys'],
  ] as const
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return said.length === 0 ? 'nothing to change' : said.join(', ')
}

import { look } from '../lib/host/live.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { under, type AbsPath } from '../lib/model/path.ts'
import { writes } from '../lib/model/plan.ts'
import { matches } from '../lib/model/tree.ts'
import type { Run, Teller, Unit } from './run.ts'

/** Looks again at every path of this plan: what is live must be what was wanted. */
export function verify(run: Run, unit: Unit, task: Teller): void {
  if (run.host.dry) return task.skip('dry run: nothing was written')
  const wrong: AbsPath[] = []
  for (const { root, plan } of unit.targets) {
    for (const change of writes(plan.changes)) {
      const path = under(root, change.path)
      const now = look(path)
      const right =
        change.kind === 'delete'
          ? now === null || isParent(plan.wanted.keys(), change.path)
          : now !== null && now !== 'other' && 'after' in change && matches(now, change.after)
      if (!right) wrong.push(path)
    }
  }
  if (wrong.length > 0)
    throw new GitopsError('verify', `after the sync ${wrong.join(', ')} was not what was written`, {
      hint: 'Something else writes there; see what it is, or exclude the path.',
    })
}

/** A deleted file may have become a directory of wanted ones. */
function isParent(wanted: Iterable<string>, path: string): boolean {
  for (const other of wanted) if (other.startsWith(`${path}/`)) return true
  return false
}

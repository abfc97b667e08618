import { look } from '../lib/host/live.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { under, type AbsPath } from '../lib/model/path.ts'
import { writes, type Write } from '../lib/model/plan.ts'
import { matches } from '../lib/model/tree.ts'
import { mergeAgain } from './merge-again.ts'
import { planned, type Planned, type Run, type Teller, type Unit } from './run.ts'

/** Looks again at every path of this plan: what is live must be what was wanted. */
export async function verify(run: Run, unit: Unit, task: Teller): Promise<void> {
  if (run.host.dry) return task.skip('dry run: nothing was written')
  await refuseWrong(run, unit)
}

/** What a unit has written must be there. Throws `verify`. */
export async function refuseWrong(run: Run, unit: Unit): Promise<void> {
  const wrong: AbsPath[] = []
  const made = new Set(unit.generation?.steps.flatMap((step) => (step.kind === 'mkdir' ? [step.path] : [])))
  for (const part of planned(unit)) {
    for (const change of writes(part.plan.changes)) {
      const path = under(part.root, change.path)
      if (change.kind === 'edit') await mergeAgain(run, unit, path, change)
      else if (!isRight(run, part, path, change, made)) wrong.push(path)
    }
  }
  if (wrong.length > 0)
    throw new GitopsError('verify', `after the sync ${wrong.join(', ')} was not what was written`, {
      hint: 'Something else writes there; see what it is, or exclude the path.',
    })
}

function isRight(run: Run, part: Planned, path: AbsPath, change: Write, made: ReadonlySet<AbsPath>): boolean {
  const now = look(path, 'secret' in part ? run.host.kept.digestAt : undefined)
  // A deleted file may have become a directory.
  if (change.kind === 'delete') return now === null || (now === 'other' && made.has(path))
  return now !== null && now !== 'other' && 'after' in change && matches(now, change.after)
}

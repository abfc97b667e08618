import { afterChecks } from './after-checks.ts'
import { passedSaid, runCheck, type Passed } from './checks.ts'
import { commit } from './generation.ts'
import { refusalOf } from './hold.ts'
import { rollback } from './rollback.ts'
import { fail, opened, type Run, type Teller } from './run.ts'
import { smokeChecks } from './smoke.ts'

/** The checks that belong to no source: they run when every unit is live, and their failure takes all of this run back, last first. */
export async function lastChecks(run: Run, task: Teller): Promise<void> {
  const open = opened(run)
  try {
    const passed: Passed[] = []
    for (const check of smokeChecks(run, null)) {
      task.output = check.name
      passed.push(await runCheck(run, check, { cwd: run.config.home, stage: null, source: null, revision: null }))
    }
    task.title = `smoke  ${passedSaid(passed, (names) => names.join(', '))}`
    commit(run, open)
  } catch (error) {
    let guilty = false
    for (const unit of open.toReversed()) {
      fail(unit, error)
      const before = refusalOf(run, unit)
      await rollback(run, unit, !guilty)
      guilty ||= refusalOf(run, unit) !== before
    }
    throw error
  }
  for (const unit of open) await afterChecks(run, unit)
}

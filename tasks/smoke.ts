import type { Check } from '../lib/model/config.ts'
import { passedSaid, runCheck, type Passed } from './checks.ts'
import type { Run, Teller, Unit } from './run.ts'

/** Asks the user's own checks whether what is live now works. */
export async function smoke(run: Run, unit: Unit, task: Teller): Promise<void> {
  const checks = smokeChecks(run, unit)
  if (checks.length === 0) return task.skip('no smoke checks')
  if (run.host.dry) return task.skip(`dry run: would run ${checks.map((check) => check.name).join(', ')}`)
  const passed: Passed[] = []
  for (const check of checks) {
    task.output = check.name
    passed.push(await runCheck(run, check, { cwd: run.config.home, stage: null, source: unit.name, revision: unit.commit }))
  }
  task.title = `smoke  ${passedSaid(passed, (names) => names.join(', '))}`
}

/** The smoke checks of one unit; with null, those that belong to none and run last. */
export function smokeChecks(run: Run, unit: Unit | null): readonly Check[] {
  return run.config.checks.smoke.filter((check) => check.source === (unit?.name ?? null))
}

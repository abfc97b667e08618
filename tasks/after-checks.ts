import { driftLines } from './drift-lines.ts'
import { commit } from './generation.ts'
import { othersLeft } from './left-by-checks.ts'
import { undoFiles } from './rollback.ts'
import { changes, fail, planned, type Run, type Unit } from './run.ts'
import { standBySecrets } from './secrets.ts'
import { smokeChecks } from './smoke.ts'
import { targetsAsApplied } from './stand-by.ts'
import { write } from './sync.ts'
import { refuseWrong } from './verify.ts'

/**
 * Looks once more at all that is ours in a unit that has just gone live: a check tells whether it works, and may leave other bytes behind. What
 * is not as it was applied is put back as a generation of its own, or said. Throws nothing: what is live was checked, and is not taken back for this.
 */
export async function afterChecks(run: Run, unit: Unit): Promise<void> {
  if (unit.source === null || smokeChecks(run, unit).length + smokeChecks(run, null).length === 0) return
  const again: Unit = { ...unit, why: 'heal', targets: [], secrets: [], generation: null, undos: [], left: [] }
  try {
    if (run.options.only === null) again.targets = await targetsAsApplied(run, again)
    again.secrets = (await standBySecrets(run, again)).filter(({ name }) => [null, name].includes(run.options.only))
    if (!changes(again) && othersLeft(unit, again).length === 0) return
    unit.again = again
    const lines = planned(again).flatMap((part) => driftLines(run, part))
    run.notes.push(...lines.map((line) => `after the checks: ${line}`))
    if (!changes(again)) return
    await write(run, again)
    await refuseWrong(run, again)
    commit(run, [again])
  } catch (error) {
    unit.again = again
    fail(again, error)
    await takenBack(run, unit, again)
  }
}

/** What could not be put back whole is as the checks have left it: the next run sees drift. */
async function takenBack(run: Run, unit: Unit, again: Unit): Promise<void> {
  try {
    run.host.ensure()
    await undoFiles(run, again)
  } catch (error) {
    fail(unit, error, 'stuck')
  }
}

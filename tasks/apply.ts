import { short } from '../lib/model/path.ts'
import { decrypt } from './decrypt.ts'
import { commit } from './generation.ts'
import { changes, fail, held, targetOutcomes, type Run, type Step, type Teller, type Unit } from './run.ts'
import { rollback } from './rollback.ts'
import { smoke, smokeChecks } from './smoke.ts'
import { sync } from './sync.ts'
import { validate } from './validate.ts'
import { verify } from './verify.ts'

/** One source's chapter, all or nothing: decrypt → validate → sync → verify → smoke. It owns the only rollback. */
export function applyUnit(run: Run, unit: Unit): Step {
  return {
    title: `${unit.name}${unit.commit === null ? '' : ` ${short(unit.commit)}`}`,
    skip: () => whyNot(unit),
    task: (_, task) =>
      task.newListr(chapter(run, unit), {
        concurrent: false,
        exitOnError: true,
        exitAfterRollback: true,
        rendererOptions: { collapseSubtasks: false },
      }),
    rollback: async (_, task) => {
      task.title = await rollback(run, unit)
    },
  }
}

function chapter(run: Run, unit: Unit): Step[] {
  const told = (title: string, tell: (run: Run, unit: Unit, task: Teller) => unknown): Step => ({
    title,
    task: async (_, task) => {
      try {
        run.signal.throwIfAborted()
        return await tell(run, unit, task)
      } catch (error) {
        throw fail(unit, error)
      }
    },
  })
  return [told('decrypt', decrypt), told('validate', validate), told('sync', sync), told('verify', verify), told('smoke', tested)]
}

/** The last step decides: once the inventory is written, the unit is live. Checks that belong to no source come later and decide then. */
async function tested(run: Run, unit: Unit, task: Teller): Promise<void> {
  await smoke(run, unit, task)
  if (!run.host.dry && smokeChecks(run, null).length === 0) commit(run, [unit])
}

/** Why a unit has nothing to apply, and what its outcome then is. */
function whyNot(unit: Unit): string | false {
  if (unit.outcome !== null) return unit.outcome.message
  if (changes(unit)) return false
  if (unit.held) return held(unit)
  unit.outcome = {
    source: unit.name,
    kind: 'in-sync',
    reason: 'InSync',
    message: '',
    revision: unit.commit,
    targets: targetOutcomes(unit),
    error: null,
  }
  return 'in sync'
}

import { brief } from '../lib/model/errors.ts'
import { afterChecks } from './after-checks.ts'
import { decrypt } from './decrypt.ts'
import { commit } from './generation.ts'
import { noteTrying } from './hold.ts'
import { fail, type Run, type Step, type Teller, type Unit } from './run.ts'
import { smoke, smokeChecks } from './smoke.ts'
import { sync } from './sync.ts'
import { validate } from './validate.ts'
import { verify } from './verify.ts'

/** The steps of one source: decrypt → validate → sync → verify → smoke. Each records what went wrong before it throws. */
export function chapter(run: Run, unit: Unit): Step[] {
  const told = (title: string, tell: (run: Run, unit: Unit, task: Teller) => unknown): Step => ({
    title,
    task: async (_, task) => {
      try {
        run.signal.throwIfAborted()
        run.host.ensure()
        return await tell(run, unit, task)
      } catch (error) {
        throw brief(fail(unit, error))
      }
    },
  })
  // What of a person's is replaced stays on the screen.
  const stays = { rendererOptions: { persistentOutput: true, outputBar: Number.POSITIVE_INFINITY } }
  return [
    { ...told('decrypt', begun), ...stays },
    told('validate', validate),
    told('sync', sync),
    told('verify', verify),
    told('smoke', tested),
  ]
}

async function begun(run: Run, unit: Unit, task: Teller): Promise<void> {
  noteTrying(run, unit)
  await decrypt(run, unit, task)
}

/** The last step decides: once the inventory is written, the unit is live. Checks that belong to no source come later and decide then. */
async function tested(run: Run, unit: Unit, task: Teller): Promise<void> {
  await smoke(run, unit, task)
  if (run.host.dry || smokeChecks(run, null).length > 0) return
  commit(run, [unit])
  await afterChecks(run, unit)
}

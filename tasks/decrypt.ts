import type { Run, Teller, Unit } from './run.ts'

/** Secret files are decrypted in memory here, before anything is written. */
export function decrypt(_run: Run, _unit: Unit, task: Teller): void {
  task.skip('no secret files')
}

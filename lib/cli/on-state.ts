import { begin } from '../../tasks/begin.ts'
import { settleConditions } from '../../tasks/known-now.ts'
import { noted } from '../../tasks/record.ts'
import type { Run } from '../../tasks/run.ts'
import { patience, type ConfigOptions, type WaitOptions } from './config-option.ts'
import { complain, print, tell } from './messages.ts'
import { configFile, interruptible, open } from './open.ts'

/** Options of commands that say something of one source, or of all. */
export interface WishOptions extends ConfigOptions, WaitOptions {
  readonly source?: string
  readonly reason?: string
}

/** Changes what is known, under the lock and without asking any source, and prints what was done. Returns the exit code. */
export async function onState(options: WishOptions, change: (run: Run) => Promise<string[]> | string[]): Promise<number> {
  try {
    const { config, machine } = await open(configFile(options))
    const nothing = { dry: false, fetch: false, allowShrink: false, handedOver: null }
    const { run, lock } = await begin(config, { ...nothing, signal: interruptible(), machine, wait: patience(options) })
    try {
      const said = await change(run)
      await noted(run, () => settleConditions(run))
      for (const line of said) print(line)
      return 0
    } finally {
      for (const note of run.notes) tell(note)
      lock?.release()
    }
  } catch (error) {
    return complain(error as Error)
  }
}

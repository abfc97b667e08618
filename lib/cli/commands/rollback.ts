import { Option } from 'commander'
import { GitopsError } from '../../model/errors.ts'
import { begin } from '../../../tasks/begin.ts'
import { takeBackTo } from '../../../tasks/take-back.ts'
import { complain, print, tell } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, interruptible, open } from '../open.ts'
import type { Verb } from '../program.ts'

interface RollbackOptions extends ConfigOptions {
  readonly source?: string
  readonly target?: string
}

/** `gitops rollback`. */
export const rollbackCommand: Verb<RollbackOptions> = {
  name: 'rollback',
  summary: 'put back what was there before the last applied revision, and hold that revision',
  arguments: [['[generation]', 'go back to the state of this one, as `gitops history` numbers them']],
  options: [
    new Option('--source <name>', 'what was applied last from this source'),
    new Option('--target <name>', 'what was applied last from the source that feeds this target or secret'),
    configOption,
  ],
  async run({ source = null, target = null, ...rest }, [number]) {
    try {
      const generation = number === undefined ? null : generationOf(number)
      const { config, machine } = await open(configFile(rest))
      const { run, lock } = await begin(config, {
        dry: false,
        fetch: false,
        allowShrink: false,
        signal: interruptible(),
        machine,
        handedOver: null,
        wait: 10_000,
      })
      try {
        for (const line of await takeBackTo(run, { generation, source, target })) print(line)
        return 0
      } finally {
        for (const note of run.notes) tell(note)
        lock?.release()
      }
    } catch (error) {
      return complain(error as Error)
    }
  },
}

function generationOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new GitopsError('usage', `${JSON.stringify(text)} is not the number of a generation`, { hint: '`gitops history` lists them.' })
}

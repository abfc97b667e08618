import { begin } from '../../../tasks/begin.ts'
import { takeBackLast } from '../../../tasks/take-back.ts'
import { complain, print } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, interruptible, open } from '../open.ts'
import type { Verb } from '../program.ts'

/** `gitops rollback`. */
export const rollbackCommand: Verb<ConfigOptions> = {
  name: 'rollback',
  summary: 'put back what was there before the last applied revision, and hold that revision',
  options: [configOption],
  async run(options) {
    try {
      const { config, machine } = await open(configFile(options))
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
        for (const line of await takeBackLast(run)) print(line)
        return 0
      } finally {
        lock?.release()
      }
    } catch (error) {
      return complain(error as Error)
    }
  },
}

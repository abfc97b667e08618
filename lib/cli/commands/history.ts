import { Option } from 'commander'
import { holder } from '../../host/lock.ts'
import { storeIn } from '../../host/store.ts'
import { GitopsError } from '../../model/errors.ts'
import { historyOf } from '../../../tasks/history.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { drawnHistory } from '../drawn-history.ts'
import { complain, print, tell } from '../messages.ts'
import { configFile, open } from '../open.ts'
import type { Verb } from '../program.ts'

interface HistoryOptions extends ConfigOptions {
  readonly source?: string
  readonly target?: string
  readonly number?: number
  readonly json?: boolean
}

/** `gitops history`. */
export const historyCommand: Verb<HistoryOptions> = {
  name: 'history',
  summary: 'what was applied when, from which revision and whose, and what became of it',
  options: [
    new Option('--source <name>', 'only what came from this source'),
    new Option('--target <name>', 'only what wrote to this target or secret'),
    new Option('-n, --number <count>', 'only the newest ones').argParser(count),
    new Option('--json', 'one JSON object'),
    configOption,
  ],
  async run({ source = null, target = null, number = Number.POSITIVE_INFINITY, json, ...rest }) {
    try {
      const { config, machine } = await open(configFile(rest))
      const generations = historyOf(storeIn(config.state, tell), { source, target }, holder(config.state, machine) !== null).slice(
        0,
        number,
      )
      if (json === true) print(JSON.stringify({ kind: 'history', name: config.name, generations }))
      else if (generations.length > 0) print(drawnHistory(generations))
      else tell('nothing was applied yet, as far as was asked')
      return 0
    } catch (error) {
      return complain(error as Error)
    }
  },
}

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new GitopsError('usage', `-n ${JSON.stringify(text)} is not a number of generations`)
  return Number(text)
}

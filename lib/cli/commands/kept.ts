import { Option } from 'commander'
import { resolve } from 'node:path'
import { keptIn } from '../../host/kept.ts'
import { readHostKey } from '../../host/host-key.ts'
import { replaceFile } from '../../host/replace.ts'
import { keptCopy } from '../../../tasks/kept-copy.ts'
import { complain } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, open } from '../open.ts'
import { put } from '../output.ts'
import type { Verb } from '../program.ts'

interface KeptOptions extends ConfigOptions {
  readonly output?: string
}

/** `gitops kept`. */
export const keptCommand: Verb<KeptOptions> = {
  name: 'kept',
  summary: 'print what a reconcile replaced and kept, by the name that it said',
  arguments: [['<name>', 'the name of the copy']],
  options: [new Option('-o, --output <file>', 'where it goes, 0600 when it is new; otherwise standard output'), configOption],
  async run(options, [name = '']) {
    try {
      const { config, machine } = await open(configFile(options))
      const bytes = keptCopy(
        keptIn(config.state, () => readHostKey(config.hostKey)),
        name,
      )
      if (options.output === undefined) put(bytes)
      else replaceFile(resolve(machine.cwd, options.output), bytes, { mode: 0o600 })
      return 0
    } catch (error) {
      return complain(error as Error)
    }
  },
}

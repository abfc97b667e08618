import { Option } from 'commander'
import { resolve } from 'node:path'
import { keptIn, type Kept } from '../../host/kept.ts'
import { readHostKey } from '../../host/host-key.ts'
import { storeIn } from '../../host/store.ts'
import type { Config } from '../../model/config.ts'
import { keptList } from '../../host/kept-list.ts'
import { GitopsError, printable } from '../../model/errors.ts'
import { replaceFile } from '../../host/replace.ts'
import { keptCopy } from '../../../tasks/kept-copy.ts'
import { keptLines } from '../../../tasks/kept-list.ts'
import { complain, print, tell } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, open } from '../open.ts'
import { put } from '../output.ts'
import type { Verb } from '../program.ts'

interface KeptOptions extends ConfigOptions {
  readonly output?: string
  readonly generation?: string
}

/** A line a copy, newest first: its name, its generation, when, and where it stood. */
function list(config: Config, { generation, output }: KeptOptions): number {
  if (output !== undefined)
    throw new GitopsError('usage', '-o takes one copy, and none is named', {
      hint: 'Say `gitops kept NAME -o FILE`; without -o they are listed.',
    })
  const lines = keptLines(storeIn(config.state, tell), keptOf(config), keptList(config.state))
  for (const { name, generation: number, at, path } of lines)
    if (generation === undefined || generation === String(number ?? '-'))
      print(printable([name, number ?? '-', at ?? 'before us', path].join('  ')).replaceAll('\n', '\\n'))
  return 0
}

function keptOf({ state, hostKey }: Config): Kept {
  return keptIn(state, () => readHostKey(hostKey))
}

/** `gitops kept`. */
export const keptCommand: Verb<KeptOptions> = {
  name: 'kept',
  summary: 'print what of a person was replaced and kept, by its name; without one, list what is kept',
  arguments: [['[name]', 'the name of the copy']],
  options: [
    new Option('-o, --output <file>', 'where it goes, 0600 when it is new; otherwise standard output'),
    new Option('--generation <number>', 'list only what this one keeps; 0 for what was there before us'),
    configOption,
  ],
  async run(options, [name]) {
    try {
      const { config, machine } = await open(configFile(options))
      if (name === undefined) return list(config, options)
      const bytes = keptCopy(keptOf(config), name)
      if (options.output === undefined) put(bytes)
      else replaceFile(resolve(machine.cwd, options.output), bytes, { mode: 0o600 })
      return 0
    } catch (error) {
      return complain(error as Error)
    }
  },
}

import { Option } from 'commander'
import { resolve } from 'node:path'
import { printable } from '../../model/errors.ts'
import { absPath } from '../../model/path.ts'
import { begin } from '../../../tasks/begin.ts'
import { capture } from '../../../tasks/capture.ts'
import { complain, print } from '../messages.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, interruptible, open } from '../open.ts'
import type { Verb } from '../program.ts'

interface CaptureOptions extends ConfigOptions {
  readonly delete?: boolean
  readonly force?: boolean
}

/** `gitops capture`. */
export const captureCommand: Verb<CaptureOptions> = {
  name: 'capture',
  summary: 'bring what was edited in its live place back into the work tree of its source; nothing is committed',
  arguments: [['<path...>', 'live files, or directories for all of ours in them; a new file is named itself']],
  options: [
    new Option('--delete', 'take out of the source what is gone here'),
    new Option('--force', 'also over changes that are not committed, and over another version than the one that was applied'),
    configOption,
  ],
  async run(options, paths) {
    try {
      const { config, machine } = await open(configFile(options))
      const live = paths.map((path) => absPath(resolve(machine.cwd, path)))
      // Nothing of ours is written but in the work tree; the lock keeps a run from healing what is being read.
      const signal = interruptible()
      const { run, lock } = await begin(config, {
        dry: true,
        fetch: false,
        allowShrink: false,
        signal,
        machine,
        handedOver: null,
        wait: 10_000,
      })
      try {
        for (const line of await capture(run, live, { remove: options.delete ?? false, force: options.force ?? false }))
          print(printable(line).replaceAll('\n', '\\n'))
        return 0
      } finally {
        lock?.release()
      }
    } catch (error) {
      return complain(error as Error)
    }
  },
}

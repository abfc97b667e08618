import { Option } from 'commander'
import { pin, unpin } from '../../../tasks/wishes.ts'
import { configOption, waitOption } from '../config-option.ts'
import { onState, type WishOptions } from '../on-state.ts'
import type { Verb } from '../program.ts'

/** `gitops pin`. */
export const pinCommand: Verb<WishOptions> = {
  name: 'pin',
  summary: 'keep a source at a commit; drift is still healed',
  arguments: [['[revision]', 'a commit that was fetched; otherwise the one that is applied']],
  options: [
    new Option('--source <name>', 'which source, where there are several'),
    new Option('--reason <text>', 'why, for whoever asks `gitops status`'),
    waitOption,
    configOption,
  ],
  run: (options, [revision]) => onState(options, (run) => pin(run, options.source ?? null, revision ?? null, options.reason ?? null)),
}

/** `gitops unpin`. */
export const unpinCommand: Verb<WishOptions> = {
  name: 'unpin',
  summary: 'let a pinned source follow its ref again',
  options: [new Option('--source <name>', 'which source; otherwise every one'), waitOption, configOption],
  run: (options) => onState(options, (run) => unpin(run, options.source ?? null)),
}

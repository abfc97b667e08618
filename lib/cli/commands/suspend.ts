import { Option } from 'commander'
import { resume, suspend } from '../../../tasks/wishes.ts'
import { configOption, waitOption } from '../config-option.ts'
import { onState, type WishOptions } from '../on-state.ts'
import type { Verb } from '../program.ts'

/** `gitops suspend`. */
export const suspendCommand: Verb<WishOptions> = {
  name: 'suspend',
  summary: 'do nothing for a source, drift included, until it is resumed',
  options: [
    new Option('--source <name>', 'which source; otherwise every one'),
    new Option('--reason <text>', 'why, for whoever asks `gitops status`'),
    waitOption,
    configOption,
  ],
  run: (options) => onState(options, (run) => suspend(run, options.source ?? null, options.reason ?? null)),
}

/** `gitops resume`. */
export const resumeCommand: Verb<WishOptions> = {
  name: 'resume',
  summary: 'reconcile a suspended source again',
  options: [new Option('--source <name>', 'which source; otherwise every one'), waitOption, configOption],
  run: (options) => onState(options, (run) => resume(run, options.source ?? null)),
}

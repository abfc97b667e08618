import { forgetHeld } from '../../../tasks/hold.ts'
import { configOption, jsonOption, waitOption } from '../config-option.ts'
import type { Verb } from '../program.ts'
import { reconcileWith, type ReconcileOptions } from './reconcile.ts'

/** `gitops retry`. */
export const retryCommand: Verb<ReconcileOptions> = {
  name: 'retry',
  summary: 'release a held revision and reconcile',
  options: [waitOption, jsonOption, configOption],
  run: (options) => reconcileWith(options, { first: forgetHeld }),
}

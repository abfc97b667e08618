import { configOption, jsonOption, waitOption } from '../config-option.ts'
import type { Verb } from '../program.ts'
import { reconcileWith, type ReconcileOptions } from './reconcile.ts'

/** `gitops retry`. */
export const retryCommand: Verb<ReconcileOptions> = {
  name: 'retry',
  summary: 'reconcile, and try again what is held or waits',
  options: [waitOption, jsonOption, configOption],
  run: (options) => reconcileWith(options, { retry: true }),
}

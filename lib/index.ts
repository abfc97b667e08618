import type { ListrTask } from 'listr2'
import type { ReconcileOptions } from '../tasks/embed.ts'
import type { UserConfig } from './config/define.ts'
import type { Verdict } from './model/verdict.ts'

export {
  defineCheck,
  defineConfig,
  defineNotifier,
  defineTask,
  type UserCheck,
  type UserConfig,
  type UserNotifier,
  type UserTask,
} from './config/define.ts'
export type { ConfigInput } from './config/schema.ts'
export type { Host } from './model/context.ts'
export { GitopsError, type ErrorCode } from './model/errors.ts'
export type { OutcomeKind } from './model/outcome.ts'
export type { Reason, Verdict } from './model/verdict.ts'
export type { ReconcileOptions } from '../tasks/embed.ts'
export type { AlertEvent, CheckContext, NotifierContext, TaskContext } from './plugins/contract.ts'
export { webhook, type WebhookOptions } from './plugins/webhook.ts'

/**
 * Reconciles once and returns the verdict; a failure of a target is in it, not thrown.
 * Throws only for what is a bug of ours.
 */
export async function reconcile(config: UserConfig, options: ReconcileOptions = {}): Promise<Verdict> {
  // A config imports this file too; the engine is loaded only when it is run.
  const { reconcileOnce } = await import('../tasks/embed.ts')
  return reconcileOnce(config, options)
}

/**
 * The whole reconcile as one ordinary listr2 task, for another task list; its steps appear below it. It fails, with the
 * verdict's sentence as its message, when the outcome is neither in sync nor applied.
 */
export function reconcileTask(config: UserConfig, options: Omit<ReconcileOptions, 'renderer'> = {}): ListrTask {
  const release: (() => void)[] = []
  return {
    title: 'reconcile',
    task: async (_, task) => (await import('../tasks/embed.ts')).embedded(config, options, task, release),
    rollback: () => {
      for (const each of release.splice(0)) each()
    },
  }
}

import type { ListrTask } from 'listr2'
import type { ReconcileOptions } from '../tasks/embed.ts'
import type { UserConfig } from './config/define.ts'
import type * as Sops from './host/sops.ts'
import type { Verdict } from './model/verdict.ts'

export {
  defineCheck,
  defineConfig,
  defineMergeStrategy,
  defineNotifier,
  definePreset,
  defineTask,
  merge,
  type UserCheck,
  type UserConfig,
  type UserNotifier,
  type UserPreset,
  type UserTask,
} from './config/define.ts'
export type { MergeOptions } from './config/merge-schema.ts'
export type { ConfigInput } from './config/schema.ts'
export type { Host } from './model/context.ts'
export { GitopsError, type ErrorCode } from './model/errors.ts'
export type { OutcomeKind } from './model/outcome.ts'
export type { Reason, Verdict } from './model/verdict.ts'
export type { SopsDecryptOptions, SopsEditOptions, SopsEncryptOptions, SopsIdentities } from './host/sops.ts'
export type { ReconcileOptions } from '../tasks/embed.ts'
export type {
  AlertEvent,
  CheckContext,
  CheckFinding,
  Files,
  MergeStrategy,
  NotifierContext,
  PresetHost,
  TaskContext,
} from './plugins/contract.ts'
export { claudeCode, type ClaudeCodeOptions } from './plugins/claude-code.ts'
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

/** SOPS files in memory, without the `sops` program: what it writes is read here, and the other way round. */
export const sops: Pick<typeof Sops, 'decrypt' | 'encrypt' | 'inspect' | 'edit'> = {
  /**
   * The plaintext of a SOPS file, its MAC verified. Throws a `GitopsError`: `environment` when no identity opens it,
   * `invalid` when it is broken, was changed without the key, or is not encrypted at all, `usage` for a place that is not there.
   */
  decrypt: async (...given) => (await import('./host/sops.ts')).decrypt(...given),
  /**
   * A plaintext as a SOPS file that keeps its layout. Throws a `GitopsError`: `usage` for an option that is none or has no such
   * value, `config` without a recipient and for one that is none, `invalid` when it is encrypted already or cannot be read as the format.
   */
  encrypt: async (...given) => (await import('./host/sops.ts')).encrypt(...given),
  /** What a file says of itself, for which no key is needed and nothing vouches; null for one that is not encrypted. Throws `invalid` for a broken one. */
  inspect: async (...given) => (await import('./host/sops.ts')).inspect(...given),
  /**
   * A SOPS file with its plaintext changed: what is the same stays encrypted as it was, so that a diff shows only what is
   * not. With nothing changed the bytes are the old ones. Throws as `decrypt` and `encrypt` do.
   */
  edit: async (...given) => (await import('./host/sops.ts')).edit(...given),
}

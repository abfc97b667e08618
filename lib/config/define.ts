import type { Host } from '../model/context.ts'
import type { MergeStrategy, PresetHost } from '../plugins/contract.ts'
import type { MergeOptions } from './merge-schema.ts'
import type { ConfigInput } from './schema.ts'

/** A configuration, or a function of the host that returns one. */
export type UserConfig = ConfigInput | ((host: Host) => ConfigInput | Promise<ConfigInput>)
/** A check as a user writes it. */
export type UserCheck = NonNullable<NonNullable<ConfigInput['checks']>['smoke']>[number]
/** A notifier as a user writes it. */
export type UserNotifier = NonNullable<ConfigInput['notify']>[number]
/** What a preset may return. */
export type ConfigPart = Pick<ConfigInput, 'targets' | 'secrets' | 'documents' | 'checks' | 'tasks' | 'notify' | 'identities'>
/** A part of a config as a function of the host, to be used in many configs. */
export type UserPreset = (host: PresetHost) => ConfigPart | Promise<ConfigPart>
/** A task as a user writes it. */
export type UserTask = NonNullable<NonNullable<ConfigInput['tasks']>['before']>[number]

/** Returns its argument; it is here for the editor's completion. */
export function defineConfig(config: UserConfig): UserConfig {
  return config
}

/** Only the keys that the source sets are ours in a document; the rest of it is the application's that writes it too. */
export function merge(options: MergeOptions = {}): { merge: MergeOptions } {
  return { merge: options }
}

/** Returns its argument; it is here for the editor's completion. */
export function defineMergeStrategy(strategy: MergeStrategy): MergeStrategy {
  return strategy
}

/** Returns its argument; it is here for the editor's completion. */
export function defineCheck(check: UserCheck): UserCheck {
  return check
}

/** Returns its argument; it is here for the editor's completion. */
export function defineNotifier(notifier: UserNotifier): UserNotifier {
  return notifier
}

/** Returns its argument; it is here for the editor's completion. */
export function defineTask(task: UserTask): UserTask {
  return task
}

/** Returns its argument; it is here for the editor's completion. */
export function definePreset(preset: UserPreset): UserPreset {
  return preset
}

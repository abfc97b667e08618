import type { CoOwnership } from '../model/lists.ts'
import { BUILT_IN, strategyFor } from '../model/formats.ts'
import type { MergeStrategy } from '../plugins/contract.ts'
import { GitopsError } from '../model/errors.ts'
import { matcher } from './globs.ts'
import type { Strategy } from './merge-schema.ts'
import type { ConfigInput } from './schema.ts'

/** How a document is merged; null where the whole file is ours. Its format goes by its name, unless the config says; other names are JSON. */
export function coOwnershipOf(strategy: Strategy | undefined, path: string): CoOwnership | null {
  if (strategy === undefined || strategy === 'replace') return null
  const { format, lists = {}, lock = null, onDrift } = strategy === 'merge' ? {} : strategy.merge
  return {
    strategy: typeof format === 'object' ? format.name : (format ?? strategyFor(path) ?? 'json'),
    lists,
    lock,
    ...(onDrift !== undefined && { onDrift }),
  }
}

/** Which documents of a target are merged, by globs of which the last that matches counts. Throws `config`. */
export function mergedPaths(place: string, documents: Readonly<Record<string, Strategy>> = {}): (path: string) => CoOwnership | null {
  const rules = Object.entries(documents).map(([glob, strategy]) => ({ matches: matcher(place, [glob]), strategy }))
  return (path) => coOwnershipOf(rules.findLast((rule) => rule.matches(path))?.strategy, path)
}

/** The strategies that a config brings along. Throws `config` for two of one name. */
export function strategiesIn({ targets = {}, secrets = {}, documents: files = {} }: ConfigInput): MergeStrategy[] {
  const declared = [
    ...Object.values(targets).flatMap(({ documents = {} }) => Object.values(documents)),
    ...[...Object.values(secrets), ...Object.values(files)].flatMap(({ strategy }) => (strategy === undefined ? [] : [strategy])),
  ]
  const own = new Map<string, MergeStrategy>()
  for (const each of declared) {
    const format = typeof each === 'object' ? each.merge.format : undefined
    if (typeof format !== 'object') continue
    if (BUILT_IN.includes(format.name) || (own.get(format.name) ?? format) !== format)
      throw new GitopsError('config', `two merge strategies are called ${JSON.stringify(format.name)}; choose another name for one of them`)
    own.set(format.name, format)
  }
  return [...own.values()]
}

import { GitopsError } from './errors.ts'
import { canonical, isObject, own, pathOf, pointer, readJson, type Json } from './json.ts'
import type { OnDrift } from './policy.ts'

/**
 * How a list in a co-owned document is merged: `whole`, as one value; `set`, where each item is a key of its own, so that others may
 * have items too; or by a key that its items have, so that an item is merged as an object under that name.
 */
export type ListRule = 'whole' | 'set' | { readonly by: string }

/** Rules for lists by JSON pointer, in which `*` stands for any one key or item. The last one that matches counts; `whole` is the default. */
export type ListRules = Readonly<Record<string, ListRule>>

/** How our keys and an application's live in one document: the strategy that reads and writes it, and how its lists are merged. */
export interface CoOwnership {
  /** `json`, `jsonc`, `yaml`, `toml`, or the name of a strategy in the config. */
  readonly strategy: string
  readonly lists: ListRules
  /** The application's own lock, taken while its document is edited; null when it has none. */
  readonly lock: AppLock | null
  /** Who has the last word about keys of ours that somebody changes, where it is not the same for the whole document. */
  readonly onDrift?: KeyRules
}

/** What becomes of our keys that somebody has changed, by JSON pointer, in which `*` is any one key; it counts for all below. The last that matches counts. */
export type KeyRules = Readonly<Record<string, OnDrift>>

/** What becomes of the key at a path once somebody has changed it; `otherwise` where no rule says. */
export function answerAt(rules: KeyRules | undefined, path: readonly string[], otherwise: OnDrift): OnDrift {
  return Object.entries(rules ?? {}).findLast(([pattern]) => matches(pathOf(pattern), path))?.[1] ?? otherwise
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length <= path.length && pattern.every((step, index) => step === '*' || step === path[index])
}

/** How an application guards a file that it shares: `<file>.lock` is a directory, refreshed, and stale after ten seconds, as the npm package of that name makes it. */
export type AppLock = 'proper-lockfile'

/** JSON whose lists are merged as a whole: all that there was once. */
export const PLAIN_JSON: CoOwnership = { strategy: 'json', lists: {}, lock: null }

/** The rule of the list at a path. */
export function ruleAt(rules: ListRules, path: readonly string[]): ListRule {
  const found = Object.entries(rules).findLast(([pattern]) => {
    const steps = pathOf(pattern)
    return steps.length === path.length && matches(steps, path)
  })
  return found?.[1] ?? 'whole'
}

/** The name of an item among the keys of its list. An item without the key that tells them apart is nobody's but its author's. */
export function itemName(item: Json, rule: Exclude<ListRule, 'whole'>): string {
  const key = rule === 'set' ? item : isObject(item) ? own(item, rule.by) : undefined
  return key === undefined ? `=${canonical(item)}` : canonical(key)
}

/**
 * The document with every list that has a rule as an object, so that merging it is merging keys. An item of a set stands in a list of
 * its own, for it has no keys to merge. Throws `conflict` for an object where a list should be, and for two items with one name.
 */
export function keyed(value: Json | undefined, rules: ListRules, path: readonly string[] = []): Json | undefined {
  if (value === undefined || Object.keys(rules).length === 0) return value
  if (isObject(value)) {
    if (ruleAt(rules, path) !== 'whole')
      throw new GitopsError('conflict', `has an object at ${pointer(path)}, where the config says that there is a list`)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, keyed(inner, rules, [...path, key]) as Json]))
  }
  const rule = ruleAt(rules, path)
  if (!Array.isArray(value) || rule === 'whole') return value
  const names = value.map((item: Json) => itemName(item, rule))
  const twice = rule === 'set' ? undefined : names.find((name, index) => !name.startsWith('=') && names.indexOf(name) !== index)
  if (rule !== 'set' && twice !== undefined)
    throw new GitopsError('conflict', `has two items with one ${JSON.stringify(rule.by)} in ${pointer(path)}; take one of the two out`)
  return Object.fromEntries(value.map((item: Json, index) => [names[index], keyedItem(item, names[index] ?? '', rule, rules, path)]))
}

function keyedItem(item: Json, name: string, rule: Exclude<ListRule, 'whole'>, rules: ListRules, path: readonly string[]): Json {
  if (rule === 'set' || !isObject(item) || name.startsWith('=')) return [item]
  // Its name says what that key holds, and is not merged.
  const rest = Object.entries(item).filter(([key]) => key !== rule.by)
  return keyed(Object.fromEntries(rest), rules, [...path, name]) as Json
}

/** What `keyed` made of a value, turned back; `path` is where in the document it stands, an item of a list included. */
export function unkeyed(value: Json, rules: ListRules, path: readonly string[]): Json {
  const above = path.length === 0 ? 'whole' : ruleAt(rules, path.slice(0, -1))
  if (above !== 'whole' && Array.isArray(value)) return value[0] as Json
  const inner = unkeyedBelow(value, rules, path)
  return typeof above === 'object' && isObject(inner) ? { [above.by]: readJson(path.at(-1) ?? ''), ...inner } : inner
}

/** The same for what stands at a path, but for an item of a list itself, which stays the keys that it has beside its name. */
export function unkeyedBelow(value: Json, rules: ListRules, path: readonly string[]): Json {
  if (!isObject(value)) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, unkeyed(inner, rules, [...path, key])] as const)
  return ruleAt(rules, path) === 'whole' ? Object.fromEntries(entries) : entries.map(([, item]) => item)
}

/** Whether every item of our own document has the name that its list asks for; the pointer of the first list where one has not. */
export function nameless(view: Json | undefined, rules: ListRules, path: readonly string[] = []): string | null {
  if (!isObject(view)) return null
  for (const [key, inner] of Object.entries(view)) {
    if (typeof ruleAt(rules, path) === 'object' && Array.isArray(inner)) return pointer(path)
    const inside = nameless(inner, rules, [...path, key])
    if (inside !== null) return inside
  }
  return null
}

import * as v from 'valibot'
import type { MergeStrategy } from '../plugins/contract.ts'
import { object, record, wordOr } from './shape.ts'

const listRule = v.union(
  [v.picklist(['whole', 'set']), object({ by: v.pipe(v.string('must be a key'), v.nonEmpty('must be a key')) })],
  "must be 'whole', 'set' or { by: 'the key that tells its items apart' }",
)
const pointers = v.pipe(
  record(listRule),
  v.check(
    (all) => Object.keys(all).every((pointer) => pointer.startsWith('/')),
    "must name its lists by JSON pointers such as '/permissions/allow'",
  ),
)

const keyRules = v.pipe(
  record(v.picklist(['heal', 'keep', 'refuse'], "must be 'heal', 'keep' or 'refuse'")),
  v.check((all) => Object.keys(all).every((pointer) => pointer.startsWith('/')), "must name its keys by JSON pointers such as '/model'"),
)

/** How an application's document is merged with ours. */
const mergeOptions = object({
  /** How it is read and written: `json`, `jsonc` (with comments), `yaml`, `toml`, or a strategy of your own. Default: by the file's name; other names are JSON. */
  format: v.optional(
    v.union(
      [v.picklist(['json', 'jsonc', 'yaml', 'toml']), v.custom<MergeStrategy>(isStrategy)],
      "must be 'json', 'jsonc', 'yaml', 'toml' or a strategy made with defineMergeStrategy",
    ),
  ),
  /** How lists are merged, by JSON pointer, in which `*` is any one key: `whole` (default), `set`, or `{ by: 'name' }`. */
  lists: v.optional(pointers),
  /** Who has the last word about keys of ours that somebody changes, by JSON pointer, in which `*` is any one key: `heal`, `keep` or `refuse`. Default: the document's `onDrift`. */
  onDrift: v.optional(keyRules),
  /** The lock by which the application guards this document; we take it while we edit. `proper-lockfile`: the directory `<file>.lock`. */
  lock: v.optional(v.picklist(['proper-lockfile'], "must be 'proper-lockfile'")),
})
/** Whether a file is replaced, or its keys merged. */
export const strategy = wordOr(
  v.picklist(['replace', 'merge'], "must be 'replace', 'merge' or merge({ … })"),
  object({ merge: mergeOptions }),
)

/** Whether a file is replaced, or its keys merged, as a user writes it. */
export type Strategy = v.InferOutput<typeof strategy>
/** What `merge` takes. */
export type MergeOptions = v.InferInput<typeof mergeOptions>
function isStrategy(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, read, write } = value as Partial<Record<keyof MergeStrategy, unknown>>
  return typeof name === 'string' && name !== '' && typeof read === 'function' && typeof write === 'function'
}

import type { Edit } from '../model/edits.ts'
import { GitopsError } from '../model/errors.ts'
import { equal, isObject, put, type Json } from '../model/json.ts'
import type { CoOwnership } from '../model/lists.ts'
import type { DoubledKey, MergeStrategy } from '../plugins/contract.ts'
import { said } from './doubled.ts'
import { STRATEGIES } from './strategies.ts'

/** Co-owned documents, read and written by the strategies that there are. Every sentence that is thrown begins with the document's `name`. */
export interface Documents {
  /** The value in a document, with lists as objects of their items where they are merged so; undefined for an empty one. Throws `conflict`. */
  readonly read: (as: CoOwnership, text: string, name: string) => Promise<Json | undefined>
  /** The text with some keys set or removed. Throws `conflict` for a text that is not edited here, or has one of these keys twice. */
  readonly write: (as: CoOwnership, text: string, edits: readonly Edit[], name: string) => Promise<string>
  /** Throws `stuck` for a document whose strategy is not here any more. */
  readonly demand: (as: CoOwnership, name: string) => void
  /** The edits that meet a key which the document has twice, each with that key. */
  readonly doubled: (as: CoOwnership, text: string, edits: readonly Edit[]) => Promise<ReadonlyMap<Edit, DoubledKey>>
  /** How the values at some paths are written in a text, in their order; null where nobody can say. Never throws. */
  readonly written: (as: CoOwnership, text: string, paths: readonly (readonly string[])[]) => Promise<readonly (string | null)[]>
}

/** With strategies of the config beside those that are here. */
export function documentsWith(more: readonly MergeStrategy[]): Documents {
  const all = new Map([...STRATEGIES, ...more].map((strategy) => [strategy.name, strategy]))
  const strategyOf = ({ strategy }: CoOwnership, name: string): MergeStrategy => {
    const known = all.get(strategy)
    if (known !== undefined) return known
    throw new GitopsError(
      'stuck',
      `${name} was merged by a strategy ${JSON.stringify(strategy)}, which the config does not have any more`,
      {
        hint: 'Put it back into the config until it has taken back what it wrote.',
      },
    )
  }
  const doubled: Documents['doubled'] = async (as, text, edits) =>
    (await strategyOf(as, '').doubled?.(text, edits)) ?? new Map<Edit, DoubledKey>()
  const read: Documents['read'] = async (as, text, name) => {
    const strategy = strategyOf(as, name)
    const value = await called(name, as, () => strategy.read(text, name))
    return called(name, as, () => (strategy.owned === undefined ? value : strategy.owned(value, as.lists)))
  }
  return {
    read,
    async write(as, text, edits, name) {
      const [twice] = (await doubled(as, text, edits)).values()
      if (twice !== undefined) throw new GitopsError('conflict', `${name}:${twice.line}:${twice.column} ${said(twice)}`)
      const wanted = edits.reduce<Json | undefined>((known, { path, after }) => put(known, path, after), await read(as, text, name))
      const tried = async (list: readonly Edit[]): Promise<string | null> => {
        const next = await called(name, as, () => strategyOf(as, name).write(text, list, as.lists))
        // There are many ways to write a document; one that was not thought of must not cost a value.
        return equal(withoutEmpty(await read(as, next, name)), withoutEmpty(wanted)) ? next : null
      }
      // How a value was written fits where it stood, and may not fit what the document has become.
      const before = edits.some(({ afterText }) => afterText !== undefined) ? await tried(edits).catch(() => null) : null
      const next = before ?? (await tried(edits.map(({ path, after }) => (after === undefined ? { path } : { path, after }))))
      if (next !== null) return next
      throw new GitopsError('conflict', `${name} is written in a way in which not all of our keys can be set`, {
        hint: 'Write the places that are to be ours plainly; nothing was changed.',
      })
    },
    doubled,
    written: (as, text, paths) =>
      Promise.resolve(strategyOf(as, '').written?.(text, paths, as.lists)).then(
        (texts) => texts ?? paths.map(() => null),
        () => paths.map(() => null),
      ),
    demand: (as, name) => void strategyOf(as, name),
  }
}

/** What a strategy throws, with the document's name in front. */
async function called<T>(name: string, as: CoOwnership, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    const { message } = error as Error
    if (error instanceof GitopsError)
      throw message.startsWith(name)
        ? error
        : new GitopsError(error.code, `${name} ${message}`, { cause: error, ...(error.hint !== undefined && { hint: error.hint }) })
    throw new GitopsError('conflict', `${name} cannot be merged by the strategy ${JSON.stringify(as.strategy)}: ${message}`, {
      cause: error,
    })
  }
}

/** Formats differ in whether an object without keys is there at all. */
function withoutEmpty(value: Json | undefined): Json | undefined {
  if (!isObject(value)) return value
  const full = Object.entries(value).flatMap(([key, inner]) => {
    const rest = withoutEmpty(inner)
    return rest === undefined ? [] : [[key, rest] as const]
  })
  return full.length === 0 ? undefined : Object.fromEntries(full)
}

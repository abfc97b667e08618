import type { Kept } from '../lib/host/kept.ts'
import { wordIn } from '../lib/documents/toml-word.ts'
import { decodeEdits } from '../lib/model/edit-list.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isObject, pointer, type Json } from '../lib/model/json.ts'
import { unkeyed } from '../lib/model/lists.ts'
import { decodeReplaced, encodeReplaced } from '../lib/model/replaced.ts'
import type { ListedCopy } from '../lib/model/kept-list.ts'
import { isKeyed, type Digest } from '../lib/model/path.ts'
import type { Generation, KeptCopy } from '../lib/model/state.ts'

/** Enough to tell all copies of a machine apart. */
const LENGTH = 12

/** What a person calls a kept copy. */
export function nameOfCopy(digest: Digest): string {
  return shortName(hexOf(digest))
}

/** What a person calls the copy of that name. */
export function shortName(hexadecimal: string): string {
  return hexadecimal.slice(0, LENGTH)
}

/** What a generation keeps, as a list names it that outlives it. */
export function copiesOf({ at, kept }: Generation): ListedCopy[] {
  return kept.map((copy) => listedCopy(at, copy))
}

/** A copy as a list names it. */
export function listedCopy(at: string, { copy, path }: KeptCopy): ListedCopy {
  return { at, name: hexOf(copy), path }
}

function hexOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1)
}

/**
 * What a kept copy holds: a file as it was, or the values that keys of ours replaced in a document, as JSON, by JSON pointer.
 * Throws `usage` for a name that is none or not enough, `stuck` when the copy does not open.
 */
export function keptCopy(kept: Kept, name: string): Buffer {
  const [digest, ...more] = kept.find(name)
  if (digest === undefined || more.length > 0)
    throw new GitopsError('usage', `${digest === undefined ? 'no' : 'more than one'} kept copy is called ${JSON.stringify(name)}`, {
      hint: `A reconcile that replaces something says its name: ${LENGTH} letters and digits.`,
    })
  const bytes = kept.read(digest)
  // A file of a person's may be such a list too, as long as it is not ours.
  const list = isKeyed(digest) || bytes.toString('utf8', 0, 7) === '{"as":{' ? decodeEdits(bytes.toString()) : null
  if (list === null) return withoutTexts(bytes)
  const { as, edits } = list
  const values = edits.flatMap(({ path, before }) =>
    before === undefined ? [] : [[pointer(path), plain(unkeyed(before, as.lists, path))] as const],
  )
  return Buffer.from(`${JSON.stringify(Object.fromEntries(values), null, 2)}\n`)
}

/** What stood under our keys before us, without how it was written. */
function withoutTexts(bytes: Buffer): Buffer {
  const known = bytes.toString('utf8', 0, 3) === '{"/' ? decodeReplaced(bytes.toString()) : null
  return known === null || known.texts.size === 0 ? bytes : Buffer.from(encodeReplaced({ ...known, texts: new Map() }))
}

/** What only TOML has a word for, such as a date, by its text. */
function plain(value: Json): Json {
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
  return Array.isArray(value) ? (wordIn(value) ?? value.map((item: Json) => plain(item))) : value
}

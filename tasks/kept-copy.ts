import type { Kept } from '../lib/host/kept.ts'
import type { Edit } from '../lib/model/edits.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isObject, own, pointer, readJson, type Json } from '../lib/model/json.ts'
import { isKeyed, type Digest } from '../lib/model/path.ts'

/** Enough to tell all copies of a machine apart. */
const LENGTH = 12

/** What a person calls a kept copy. */
export function nameOfCopy(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, LENGTH)
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
  const edits = isKeyed(digest) ? listOfEdits(bytes.toString()) : null
  if (edits === null) return bytes
  const values = edits.flatMap(({ path, before }) => (before === undefined ? [] : [[pointer(path), before] as const]))
  return Buffer.from(`${JSON.stringify(Object.fromEntries(values), null, 2)}\n`)
}

/** A sealed list of edits of a document, or null for any other text. */
function listOfEdits(text: string): readonly Edit[] | null {
  try {
    const list = readJson(text)
    return Array.isArray(list) && list.length > 0 && list.every((item: Json) => isObject(item) && Array.isArray(own(item, 'path')))
      ? list
      : null
  } catch {
    return null
  }
}

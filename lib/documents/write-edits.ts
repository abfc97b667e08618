import type { Edit } from '../model/edits.ts'
import { GitopsError } from '../model/errors.ts'
import type { Json } from '../model/json.ts'
import { isObject, pointer as shown, put } from '../model/json.ts'
import { itemName, ruleAt, unkeyed, type ListRules } from '../model/lists.ts'
import type { Step } from '../model/pointer.ts'
import type { NewValue } from './new-value.ts'
import { setAt, type DocumentFormat } from './set.ts'

/** Where a path of the merged document leads in the real one, and whether it is there. */
interface Place {
  readonly pointer: readonly Step[]
  readonly there: boolean
}

/**
 * The text with some keys set or removed, in order; everything else keeps its bytes. Throws `conflict` where the text is written in a
 * way that is not edited here.
 */
export async function writeEdits(
  text: string,
  edits: readonly Edit[],
  lists: ListRules,
  { format, read }: { readonly format: DocumentFormat; readonly read: (text: string) => Json | undefined | Promise<Json | undefined> },
): Promise<string> {
  // Without rules for lists a path is a pointer, and a large document need not be read for each.
  const plain = Object.keys(lists).length === 0
  let known = text
  for (const { path, after, afterText } of together(edits)) {
    const value = after === undefined ? null : afterText === undefined ? newValue(unkeyed(after, lists, path)) : written(afterText)
    for (;;) {
      const { pointer, there } = plain ? { pointer: path.map((key) => ({ key })), there: true } : placeIn(await read(known), path, lists)
      if (value === null && !there) break
      const result = await setAt(known, format, pointer, value)
      if (plain && value === null && result !== null && 'depth' in result) break
      if (result === null || !('text' in result)) throw notEditable(path, lists)
      known = result.text
      // An item that a set has twice goes twice.
      if (value !== null || ruleAt(lists, path.slice(0, -1)) !== 'set') break
    }
  }
  return known
}

function written(text: string): NewValue {
  return { kind: 'written', text }
}

/** What is made, with all that goes into it, as one. */
export function together(edits: readonly Edit[]): Edit[] {
  const result: Edit[] = []
  for (const edit of edits) {
    const last = result.at(-1)
    const inside = last !== undefined && isObject(last.after) && last.before === undefined && isBelow(edit.path, last.path)
    const after = inside ? put(last.after, edit.path.slice(last.path.length), edit.after) : undefined
    if (last === undefined || after === undefined) result.push(edit)
    else result.splice(-1, 1, { path: last.path, after })
  }
  return result
}

function isBelow(path: readonly string[], above: readonly string[]): boolean {
  return path.length > above.length && above.every((key, depth) => key === path[depth])
}

/** The place that a path means in a document as it is. */
export function placeIn(document: Json | undefined, path: readonly string[], lists: ListRules): Place {
  const pointer: Step[] = []
  let value = document
  for (const [depth, key] of path.entries()) {
    const rule = ruleAt(lists, path.slice(0, depth))
    if (rule !== 'whole' && (value === undefined || Array.isArray(value))) {
      const items: readonly Json[] = value ?? []
      const at = items.findIndex((item) => itemName(item, rule) === key)
      pointer.push({ index: at < 0 ? items.length : at })
      value = items[at]
    } else {
      pointer.push({ key })
      value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
    }
  }
  return { pointer, there: value !== undefined }
}

/** What can be written stands where no anchor, dotted key or other shorthand makes it something else's too. */
function notEditable(path: readonly string[], lists: ListRules): GitopsError {
  const list = path.findIndex((_, depth) => ruleAt(lists, path.slice(0, depth)) !== 'whole')
  return new GitopsError('conflict', `is written in a way in which ${shown(list < 0 ? path : path.slice(0, list))} cannot be set`, {
    hint: 'Write that place plainly, without aliases and the like; nothing was changed.',
  })
}

/** The value as one to be set; numbers are the text that they were written as. */
export function newValue(value: Json): NewValue {
  if (typeof value === 'string') return { kind: 'text', text: value }
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item: Json) => newValue(item)) }
  if (isObject(value)) return { kind: 'map', entries: Object.entries(value).map(([key, inner]) => [key, newValue(inner)] as const) }
  return { kind: 'word', text: JSON.stringify(value) }
}

import type { Edit } from './edits.ts'
import { isObject, own, readJson, type Json, type JsonObject } from './json.ts'
import { PLAIN_JSON, type CoOwnership } from './lists.ts'

/** Edits of one document, with all that performing them, or taking them back, needs beside the document. */
export interface EditList {
  readonly as: CoOwnership
  readonly edits: readonly Edit[]
}

/** As it is kept. */
export function encodeEdits({ as, edits }: EditList): string {
  return JSON.stringify({ as, edits })
}

/** A list that was kept, or null for any other text. Older versions kept the edits alone: all of them were of plain JSON. */
export function decodeEdits(text: string): EditList | null {
  try {
    const known = readJson(text)
    const [as, edits] = isObject(known) ? [own(known, 'as'), own(known, 'edits')] : [PLAIN_JSON, known]
    const ours = isObject(as as Json) && typeof own(as as unknown as JsonObject, 'strategy') === 'string'
    if (!ours || !Array.isArray(edits) || (edits === known && edits.length === 0)) return null
    if (!edits.every((item: Json) => isObject(item) && Array.isArray(own(item, 'path')))) return null
    return { as: as as unknown as CoOwnership, edits: edits as unknown as readonly Edit[] }
  } catch {
    return null
  }
}

import { said } from '../lib/documents/doubled.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isObject, type Json } from '../lib/model/json.ts'
import { nameless, type CoOwnership } from '../lib/model/lists.ts'
import type { Digest } from '../lib/model/path.ts'
import type { Document } from './co-owned.ts'
import type { Run } from './run.ts'

/** What the source sets in a document. Throws `invalid`, with the place in the source, when it does not parse or says a key twice: nobody's live file is to blame. */
export async function oursIn(
  { host: { kept, documents } }: Run,
  { ours, from, as }: Document,
  digest: Digest,
  applied: Digest | null,
): Promise<Json | undefined> {
  try {
    const text = kept.read(digest).toString()
    const value = await documents.read(as, text, from)
    // One that was cut short, rather than one without keys: that is written {}.
    if (value === undefined && as.strategy === 'json') throw new Error(`${from} is empty`)
    // Older versions took the last of two: what was applied so is healed so.
    const [twice] = digest === applied ? [] : (await documents.doubled(as, text, [{ path: [] }])).values()
    if (twice !== undefined) throw new Error(`${from}:${twice.line}:${twice.column} ${said(twice)}`)
    return value
  } catch (error) {
    throw new GitopsError('invalid', `${ours} cannot be merged: ${(error as Error).message}`, {
      cause: error,
      hint: 'Mend it in the source; nothing was written.',
    })
  }
}

/** There are no keys to tell ours from others': setting it whole would wipe what is there. */
export function faultOf({ ours, as }: Document, live: Json | undefined, wanted: Json | undefined): string | null {
  const kind = called(as)
  if (live !== undefined && !isObject(live)) return `cannot be merged: it is ${kind} without keys at its top`
  if (wanted !== undefined && !isObject(wanted)) return `cannot be merged: ${ours} is ${kind} without keys at its top`
  const list = nameless(wanted, as.lists)
  return list === null ? null : `cannot be merged: ${ours} has an item in ${list} without the key that its items are told apart by`
}

/** A format, for people. */
function called({ strategy }: CoOwnership): string {
  return { json: 'JSON', jsonc: 'JSON', yaml: 'YAML', toml: 'TOML' }[strategy] ?? `a document of the format ${JSON.stringify(strategy)},`
}

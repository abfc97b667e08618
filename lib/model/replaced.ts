import { isObject, own, readJson, type Json } from './json.ts'

/** What our keys replaced in a document, and how that was written there where it is known, by JSON pointer. */
export interface Replaced {
  readonly values: ReadonlyMap<string, Json>
  readonly texts: ReadonlyMap<string, string>
}

/** In the record, beside the pointers, all of which begin with a slash. */
const TEXTS = 'written'

/** As it is kept: always the same text for the same values. */
export function encodeReplaced({ values, texts }: Replaced): string {
  const known = sorted(new Map([...texts].filter(([place]) => values.has(place))))
  return JSON.stringify({ ...sorted(values), ...(Object.keys(known).length > 0 && { [TEXTS]: known }) })
}

function sorted(map: ReadonlyMap<string, Json>): Readonly<Record<string, Json>> {
  return Object.fromEntries([...map].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** A record that was kept; null for any other text. Older versions kept the values alone. */
export function decodeReplaced(text: string): Replaced | null {
  try {
    const record = readJson(text)
    if (!isObject(record)) return null
    const values = new Map(Object.entries(record).filter(([place]) => place !== TEXTS))
    const known = own(record, TEXTS) ?? {}
    if (!isObject(known) || [...values.keys()].some((place) => !place.startsWith('/'))) return null
    const texts = Object.entries(known).flatMap(([place, each]) =>
      typeof each === 'string' && values.has(place) ? [[place, each] as const] : [],
    )
    return texts.length === Object.keys(known).length ? { values, texts: new Map(texts) } : null
  } catch {
    return null
  }
}

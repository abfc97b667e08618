import type { Edit, Merge } from '../lib/model/edits.ts'
import { at, equal, pathOf, pointer, type Json } from '../lib/model/json.ts'
import type { Document } from './co-owned.ts'
import type { Replaced } from '../lib/model/replaced.ts'
import type { Run } from './run.ts'

interface Now {
  readonly text: string
  readonly live: Json | undefined
  readonly before: Replaced
}

/** Edits with how the values that they replace, or put back, are written, and what is to be remembered of what our keys replaced. */
export async function written(
  run: Run,
  { as }: Document,
  { edits, prior }: Merge,
  { text, live, before }: Now,
): Promise<{ readonly edits: readonly Edit[]; readonly replaced: Replaced }> {
  const places = new Set(edits.flatMap(({ path, before: value }) => (value === undefined ? [] : [pointer(path)])))
  for (const [place, value] of prior) if (!before.values.has(place) && equal(at(live, pathOf(place)), value)) places.add(place)
  const all = [...places]
  const texts = all.length === 0 ? [] : await run.host.documents.written(as, text, all.map(pathOf))
  const now = new Map(all.flatMap((place, index) => (typeof texts[index] === 'string' ? [[place, texts[index]] as const] : [])))
  return {
    edits: edits.map((edit) => {
      const place = pointer(edit.path)
      const [beforeText, known] = [now.get(place), before.texts.get(place)]
      const back = known !== undefined && edit.after !== undefined && equal(edit.after, before.values.get(place))
      return { ...edit, ...(beforeText !== undefined && { beforeText }), ...(back && { afterText: known }) }
    }),
    replaced: {
      values: prior,
      texts: new Map(
        [...prior].flatMap(([place, value]) => {
          // Only the first time counts, as with the value.
          const known = before.values.has(place)
            ? before.texts.get(place)
            : equal(at(live, pathOf(place)), value)
              ? now.get(place)
              : undefined
          return known === undefined ? [] : [[place, known] as const]
        }),
      ),
    },
  }
}

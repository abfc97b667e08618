import type { KeyStay } from '../lib/model/edits.ts'
import { at, pathOf, pointer, put, type Json } from '../lib/model/json.ts'
import { keyed, unkeyedBelow } from '../lib/model/lists.ts'
import type { AbsPath, Digest } from '../lib/model/path.ts'
import { decodeReplaced, encodeReplaced, type Replaced } from '../lib/model/replaced.ts'
import type { OwnedKeys } from '../lib/model/tree.ts'
import type { Document, Known } from './co-owned.ts'
import type { Run } from './run.ts'

/** What our keys replaced, where that can still be read; otherwise they are simply taken out one day, and that is said once. */
export function priorOf(run: Run, key: AbsPath, known: Known | null): Replaced {
  const record = known?.prior ?? run.inventory.secrets.get(key)?.prior ?? null
  if (known !== null && record === null) return nothing()
  if (known !== null && record !== null && run.host.kept.opens(record)) return readPrior(run, record, known)
  if (record !== null)
    run.notes.push(
      `${key}: what stood under our keys before us will not come back, for the copy of it is lost or the host key that sealed it`,
    )
  return nothing()
}

function nothing(): Replaced {
  return { values: new Map(), texts: new Map() }
}

/** What we applied last, key by key: what a revision set beside keys that stayed, and under those what we wrote before. */
export function lastOf(run: Run, base: Json | undefined, known: Known | null): Json | undefined {
  if (known?.last === undefined || !run.host.kept.opens(known.last)) return base
  return [...readPrior(run, known.last, known).values].reduce<Json | undefined>(
    (value, [place, last]) => put(value, pathOf(place), last),
    base,
  )
}

/** Remembers what we wrote last under the keys that stay: when one is as we left it again, the source has the last word again. */
export function keepLast(run: Run, document: Document, stays: readonly KeyStay[], base: Json | undefined): Pick<OwnedKeys, 'last'> {
  const last = stays.flatMap(({ path, source }) => {
    const value = source === 'gone' ? undefined : at(base, path)
    return value === undefined ? [] : [[pointer(path), value] as const]
  })
  return last.length === 0 ? {} : { last: keepValues(run, document, { values: new Map(last), texts: new Map() }) }
}

/** Lists that are merged by their items now, and were not when this was written, are turned as the document is. */
function readPrior(run: Run, record: Digest, { as }: Known): Replaced {
  const { values, texts } = decodeReplaced(run.host.kept.read(record).toString()) ?? nothing()
  return { values: new Map([...values].map(([place, value]) => [place, keyed(value, as.lists, pathOf(place)) as Json])), texts }
}

/** Nothing is remembered of a document that we knew under a host key that is gone: what is ours in it would count as somebody else's. */
export function keepPrior(
  run: Run,
  { key, as, secret }: Pick<Document, 'key' | 'as' | 'secret'>,
  known: Known | null,
  prior: Replaced,
): Digest | null {
  if (prior.values.size === 0 || (known === null && run.inventory.secrets.has(key))) return null
  return keepValues(run, { key, as, secret }, prior)
}

function keepValues(run: Run, { key, as, secret }: Pick<Document, 'key' | 'as' | 'secret'>, { values, texts }: Replaced): Digest {
  const whole = new Map([...values].map(([place, value]) => [place, unkeyedBelow(value, as.lists, pathOf(place))]))
  const bytes = Buffer.from(encodeReplaced({ values: whole, texts }))
  return secret ? run.host.kept.keepSecret(bytes, key) : run.host.kept.keep(bytes)
}

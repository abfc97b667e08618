import { asObject, at, equal, isObject, own, pathOf, pointer, put, type Json } from './json.ts'

/** One owned key of a co-owned document: what it was, what it becomes. A missing side means that the key is absent there. */
export interface Edit {
  readonly path: readonly string[]
  readonly before?: Json
  readonly after?: Json
  /** How these values are written in the document, where that is known, so that one comes back as it was written. It counts only where it says the same. */
  readonly beforeText?: string
  readonly afterText?: string
}

/** One key of ours whose live value is neither what we wrote nor what we want. */
export interface KeyDrift {
  readonly path: readonly string[]
}

/** One key of ours that stays as somebody has changed it, and what the source asks for there: what we wrote last, something else, or nothing. */
export interface KeyStay {
  readonly path: readonly string[]
  readonly source: 'same' | 'changed' | 'gone'
}

/**
 * What stood under keys of ours before they were ours, by JSON pointer, a value that was ours already included: it stays when we leave.
 * `{}` at an object of ours says that the object was there.
 */
export type Prior = ReadonlyMap<string, Json>

/** What takes a live document to the keys that we want, and which of our keys somebody else has changed. */
export interface Merge {
  readonly edits: readonly Edit[]
  readonly drift: readonly KeyDrift[]
  /** Those of them that stay as they are; the others are in `drift`. */
  readonly stays: readonly KeyStay[]
  /** What is to be remembered once the edits are made. */
  readonly prior: Prior
}

/** How many keys a document of ours sets, and how many of them another one sets no more. A list that is merged as a whole is one. */
export function dropped(base: Json | undefined, wanted: Json | undefined): { readonly owned: number; readonly dropped: number } {
  if (base === undefined) return { owned: 0, dropped: 0 }
  if (!isObject(base)) return { owned: 1, dropped: wanted === undefined ? 1 : 0 }
  const inside = Object.keys(base).map((key) => dropped(own(base, key), isObject(wanted) ? own(wanted, key) : wanted))
  return inside.reduce((sum, each) => ({ owned: sum.owned + each.owned, dropped: sum.dropped + each.dropped }), { owned: 0, dropped: 0 })
}

type Keeps = (path: readonly string[]) => boolean

interface Seen {
  readonly edits: Edit[]
  readonly drift: KeyDrift[]
  readonly stays: KeyStay[]
  readonly taken: Map<string, Json>
  readonly prior: Prior
  readonly keeps: Keeps
}

/**
 * Three-way merge of the keys that we own: `base` is what we applied last, `wanted` what we want now, `live` what is there, `prior` what stood
 * there before us. Every leaf of `wanted` is set; a leaf of `base` that `wanted` lacks goes, if it is still ours, and what it replaced comes
 * back. Foreign keys are never in the result. A key of ours that somebody has changed is set again, unless `keeps` says that it stays. Pure.
 */
export function merge(
  base: Json | undefined,
  wanted: Json | undefined,
  live: Json | undefined,
  prior: Prior = new Map(),
  keeps: Keeps = () => false,
): Merge {
  const seen: Seen = { edits: [], drift: [], stays: [], taken: new Map(), prior, keeps }
  visit(seen, [], base, wanted, live)
  // Only the first time counts: later values of our keys are ours, or drift.
  const known = [...prior].filter(([key]) => at(wanted, pathOf(key)) !== undefined)
  return { edits: seen.edits, drift: seen.drift, stays: seen.stays, prior: new Map([...known, ...seen.taken]) }
}

type Values = readonly [base: Json | undefined, wanted: Json | undefined, live: Json | undefined]

function visit(seen: Seen, path: readonly string[], ...[base, wanted, live]: Values): void {
  if (wanted === undefined) return leave(seen, path, base, live)
  if (!isObject(wanted) || (live !== undefined && !isObject(live))) {
    if (equal(live, wanted)) {
      if (base === undefined && live !== undefined) seen.taken.set(pointer(path), live)
      return
    }
    if (base !== undefined && !equal(live, base)) {
      if (seen.keeps(path)) return void seen.stays.push({ path, source: equal(base, wanted) ? 'same' : 'changed' })
      seen.drift.push({ path })
    }
    const before = base === undefined ? live : isObject(base) && isObject(live) ? withoutOurs(seen, path, base, live) : undefined
    if (before !== undefined) seen.taken.set(pointer(path), before)
    seen.edits.push({ path, ...(live !== undefined && { before: live }), after: wanted })
    return
  }
  const [edits, stays] = [seen.edits.length, seen.stays.length]
  // What we make is made first, so that taking it back ends with it.
  if (live === undefined && path.length > 0) seen.edits.push({ path, after: {} })
  if (live !== undefined && path.length > 0 && !isObject(base) && !seen.prior.has(pointer(path))) seen.taken.set(pointer(path), {})
  const [b, l] = [asObject(base), asObject(live)]
  for (const key of new Set([...Object.keys(b), ...Object.keys(wanted)]))
    visit(seen, [...path, key], own(b, key), own(wanted, key), own(l, key))
  // Where all that would go into it stays away, it stays away too.
  if (live === undefined && seen.edits.length === edits + 1 && seen.stays.length > stays) seen.edits.pop()
}

/** Takes away what is ours at a path, and puts back what it replaced. */
function leave(seen: Seen, path: readonly string[], base: Json | undefined, live: Json | undefined): void {
  if (base === undefined || live === undefined) return
  const here = pointer(path)
  const before = seen.prior.get(here)
  if (isObject(base)) {
    const ours = before === undefined || !isObject(before) || Object.keys(before).length > 0
    const inside = [...seen.prior.keys()].some((key) => key.startsWith(`${here}/`))
    // What is ours as a whole goes as a whole.
    if (path.length === 0 || !equal(live, base) || !ours || inside) {
      for (const key of Object.keys(base)) leave(seen, [...path, key], own(base, key), own(asObject(live), key))
      return
    }
  }
  if (equal(live, base)) {
    if (!equal(live, before)) seen.edits.push({ path, before: live, ...(before !== undefined && { after: before }) })
  } else if (!equal(live, before)) {
    if (seen.keeps(path)) seen.stays.push({ path, source: 'gone' })
    else seen.drift.push({ path })
  }
}

/** What would be at a path if we had never been there. */
function withoutOurs(seen: Seen, path: readonly string[], base: Json, live: Json): Json | undefined {
  const inner: Seen = { ...seen, edits: [], drift: [], stays: [] }
  leave(inner, path, base, live)
  return inner.edits.reduce<Json | undefined>((known, edit) => put(known, edit.path.slice(path.length), edit.after), live)
}

/** The edits that take edits back, on a document as it is now: a key that somebody has changed since is left, and named. Pure. */
export function takeBackEdits(edits: readonly Edit[], live: Json | undefined): { edits: Edit[]; left: string[] } {
  const back: Edit[] = []
  const left: string[] = []
  let document = live
  for (const { path, before, after, beforeText } of edits.toReversed()) {
    const now = at(document, path)
    if (equal(now, before)) continue
    // A directory of keys that we made stays while somebody else has keys in it.
    if (isMade({ before, after }) && isObject(now) && Object.keys(now).length > 0) continue
    if (!equal(now, after)) left.push(pointer(path))
    else {
      const text = before !== undefined && beforeText !== undefined ? { afterText: beforeText } : {}
      back.push({ path, ...(now !== undefined && { before: now }), ...(before !== undefined && { after: before }), ...text })
      document = put(document, path, before)
    }
  }
  return { edits: back, left }
}

/** Whether every edited key now has the value that was wanted. */
export function holds(edits: readonly Edit[], live: Json | undefined): boolean {
  return edits.every((edit) => {
    const now = at(live, edit.path)
    return equal(now, edit.after) || (isMade(edit) && isObject(now))
  })
}

/** Whether an edit makes an object for keys of ours to stand in. */
function isMade({ before, after }: { readonly before?: Json | undefined; readonly after?: Json | undefined }): boolean {
  return before === undefined && isObject(after) && Object.keys(after).length === 0
}

/** A JSON value. Objects are compared and merged by key; arrays and everything else as a whole. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** One owned key of a co-owned document: what it was, what it becomes. A missing side means that the key is absent there. */
export interface Edit {
  readonly path: readonly string[]
  readonly before?: Json
  readonly after?: Json
}

/** One key of ours whose live value is neither what we wrote nor what we want. */
export interface KeyDrift {
  readonly path: readonly string[]
}

/** What takes a live document to the keys that we want, and which of our keys somebody else has changed. */
export interface Merge {
  readonly edits: readonly Edit[]
  readonly drift: readonly KeyDrift[]
}

/**
 * Three-way merge of the keys that we own: `base` is what we applied last, `wanted` what we want now, `live` what is there.
 * Every leaf of `wanted` is set; a leaf of `base` that `wanted` lacks is removed, if it is still ours. Foreign keys are never in the result. Pure.
 */
export function merge(base: Json | undefined, wanted: Json | undefined, live: Json | undefined): Merge {
  const edits: Edit[] = []
  const drift: KeyDrift[] = []
  const visit = (path: readonly string[], base: Json | undefined, wanted: Json | undefined, live: Json | undefined): void => {
    if (isObject(wanted) || (wanted === undefined && isObject(base))) {
      const [b, w, l] = [asObject(base), asObject(wanted), asObject(live)]
      // A live value that is no object stands where we want one: it is replaced as a whole.
      if (live !== undefined && !isObject(live) && wanted !== undefined) {
        if (base !== undefined && !equal(live, base)) drift.push({ path })
        edits.push({ path, before: live, after: wanted })
        return
      }
      // What is ours as a whole goes as a whole; what we make is made first, so that taking it back ends with it.
      if (wanted === undefined && path.length > 0 && equal(live, base))
        return void edits.push({ path, ...(live !== undefined && { before: live }) })
      if (wanted !== undefined && live === undefined && path.length > 0) edits.push({ path, after: {} })
      for (const key of new Set([...Object.keys(b), ...Object.keys(w)])) visit([...path, key], own(b, key), own(w, key), own(l, key))
      return
    }
    const ours = equal(live, base)
    if (base !== undefined && !ours && !equal(live, wanted)) drift.push({ path })
    if (wanted === undefined ? live !== undefined && ours : !equal(live, wanted)) {
      edits.push({ path, ...(live !== undefined && { before: live }), ...(wanted !== undefined && { after: wanted }) })
    }
  }
  visit([], base, wanted, live)
  return { edits, drift }
}

/** The edits that take edits back, on a document as it is now: a key that somebody has changed since is left, and named. Pure. */
export function takeBackEdits(edits: readonly Edit[], live: Json | undefined): { edits: Edit[]; left: string[] } {
  const back: Edit[] = []
  const left: string[] = []
  let document = live
  for (const { path, before, after } of edits.toReversed()) {
    const now = at(document, path)
    if (equal(now, before)) continue
    // A directory of keys that we made stays while somebody else has keys in it.
    if (before === undefined && isObject(after) && Object.keys(after).length === 0 && isObject(now) && Object.keys(now).length > 0) continue
    if (!equal(now, after)) left.push(pointer(path))
    else {
      back.push({ path, ...(now !== undefined && { before: now }), ...(before !== undefined && { after: before }) })
      document = put(document, path, before)
    }
  }
  return { edits: back, left }
}

/** Whether every edited key now has the value that was wanted. */
export function holds(edits: readonly Edit[], live: Json | undefined): boolean {
  return edits.every(({ path, after }) => {
    const now = at(live, path)
    return equal(now, after) || (isObject(after) && Object.keys(after).length === 0 && isObject(now))
  })
}

/** The document with one key set, or removed. */
function put(document: Json | undefined, path: readonly string[], value: Json | undefined): Json {
  const [key, ...rest] = path
  const entries = Object.entries(asObject(document))
  if (key === undefined) return value ?? {}
  const inner = rest.length === 0 ? value : put(own(asObject(document), key), rest, value)
  const others = entries.filter(([name]) => name !== key)
  return Object.fromEntries(inner === undefined ? others : [...others, [key, inner]])
}

/** The value at a path, or undefined. */
function at(value: Json | undefined, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, key) => (isObject(inner) ? own(inner, key) : undefined), value)
}

/** A path as a JSON pointer (RFC 6901). */
function pointer(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** Equality by value: the order of keys does not matter. */
function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item: Json, index) => equal(item, b[index] as Json))
  }
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(own(a, key), own(b, key)))
}

/** Whether a value has keys. */
export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function asObject(value: Json | undefined): { readonly [key: string]: Json } {
  return isObject(value) ? value : {}
}

function own(object: { readonly [key: string]: Json }, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** A number as it was written, where JavaScript's own would be another: beyond 2^53, `1.0`, `1e3`, `-0`. */
interface NumberText {
  readonly rawJSON: string
}

/** A JSON value. Objects are compared and merged by key; arrays and everything else as a whole. */
export type Json = null | boolean | number | string | NumberText | readonly Json[] | JsonObject

/** A JSON value with keys. */
export interface JsonObject {
  readonly [key: string]: Json
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown

// What the types of JavaScript do not know yet.
const { rawJSON, isRawJSON, parse } = JSON as unknown as {
  rawJSON: (this: void, text: string) => NumberText
  isRawJSON: (this: void, value: unknown) => value is NumberText
  parse: (this: void, text: string, reviver: Reviver) => Json
}

/** The value in a JSON text; `JSON.stringify` writes each of its numbers as it was written there. Throws what `JSON.parse` throws. */
export function readJson(text: string): Json {
  return parse(text, (_, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source ? rawJSON(source) : value,
  )
}

/** Whether a value has keys. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value)
}

/** The value, or an object without keys in place of anything else. */
export function asObject(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {}
}

/** The value of a key of its own, or undefined. */
export function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

/** The value at a path, or undefined. */
export function at(value: Json | undefined, path: readonly string[]): Json | undefined {
  return path.reduce<Json | undefined>((inner, key) => (isObject(inner) ? own(inner, key) : undefined), value)
}

/** The document with one key set, or removed; what stands in the way of the path gives way. */
export function put(document: Json | undefined, path: readonly string[], value: Json | undefined): Json | undefined {
  const [key, ...rest] = path
  if (key === undefined) return value
  const entries = Object.entries(asObject(document))
  const inner = rest.length === 0 ? value : put(own(asObject(document), key), rest, value)
  const others = entries.filter(([name]) => name !== key)
  return Object.fromEntries(inner === undefined ? others : [...others, [key, inner]])
}

/** A path as a JSON pointer (RFC 6901). */
export function pointer(path: readonly string[]): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** The path that a JSON pointer names. */
export function pathOf(text: string): string[] {
  return text
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Equality by value: the order of keys does not matter, nor how a number is written. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item: Json, index) => equal(item, b[index] as Json))
  }
  if (isNumber(a) || isNumber(b)) return isNumber(a) && isNumber(b) && decimal(a) === decimal(b)
  if (!isObject(a) || !isObject(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(own(a, key), own(b, key)))
}

/** One text for all values that are equal. */
export function canonical(value: Json): string {
  if (isNumber(value)) return shortest(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`
}

/** As JavaScript writes it, where that loses nothing. */
function shortest(value: number | NumberText): string {
  const plain = String(typeof value === 'number' ? value : Number(value.rawJSON))
  return /^-?\d/.test(plain) && decimal(Number(plain)) === decimal(value) ? plain : decimal(value)
}

function isNumber(value: Json | undefined): value is number | NumberText {
  return typeof value === 'number' || isRawJSON(value)
}

/** The one way to write a number of this value: its digits and the power of ten behind them. */
function decimal(value: number | NumberText): string {
  const text = typeof value === 'number' ? String(value) : value.rawJSON
  const [, sign = '', whole = '', part = '', power = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const digits = (whole + part).replace(/^0+/, '')
  const short = digits.replace(/0+$/, '')
  return short === '' ? '0' : `${sign}${short}e${BigInt(power) - BigInt(part.length) + BigInt(digits.length - short.length)}`
}

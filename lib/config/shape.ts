import * as v from 'valibot'

/** An object with exactly these keys. */
export function object<Entries extends v.ObjectEntries>(entries: Entries) {
  return plain(v.strictObject(entries))
}

/** An object whose keys the user chooses. */
export function record<Value extends v.GenericSchema>(value: Value) {
  return plain(v.record(v.string(), value))
}

/** A word, or an object: whoever writes an object hears what is wrong in it. */
export function wordOr<Word extends v.GenericSchema, Inner extends v.GenericSchema>(word: Word, inner: Inner) {
  const schema = v.lazy<Word | Inner>((input) => (isPlain(input) ? inner : word))
  // Where the keys that are known at a place are looked up.
  return Object.assign(schema, { options: [inner] })
}

/** valibot takes a list, a Map or a Date for an object with no keys, and would so ignore it in silence. */
function plain<Schema extends v.GenericSchema>(schema: Schema) {
  return v.pipe(
    v.custom<v.InferInput<Schema>>(isPlain, (issue) => `must be an object, not ${kindOf(issue.input)}`),
    schema,
  )
}

function isPlain(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? `a ${value.constructor.name}` : `a ${typeof value}`
}

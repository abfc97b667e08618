import type { Pointer } from '../model/pointer.ts'
import type { NewValue } from './new-value.ts'

/** A format of documents that values can be set in. */
export type DocumentFormat = 'json' | 'yaml' | 'toml'

/** The text after an edit, or the step of the pointer, from 0, that leads nowhere. */
export type SetResult = { readonly text: string } | { readonly depth: number }

/**
 * A document with the value at a place set, or with null removed; everything else keeps its bytes. A place that is not
 * there is made, and the containers on the way to it, but nothing that is no container is replaced by one.
 * Null for a text that does not parse, or is written in a way that is not edited here.
 */
export async function setAt(text: string, format: DocumentFormat, pointer: Pointer, value: NewValue | null): Promise<SetResult | null> {
  if (format === 'toml') return (await import('./toml-set.ts')).setToml(text, pointer, value)
  return format === 'json' ? (await import('./json-set.ts')).setJson(text, pointer, value) : setYaml(text, pointer, value)
}

async function setYaml(text: string, pointer: Pointer, value: NewValue | null): Promise<SetResult | null> {
  const { editFirst, parseKeeping } = await import('./yaml-edit.ts')
  const { isEdited } = await import('./yaml-check.ts')
  const documents = parseKeeping(text)
  const [document] = documents ?? []
  if (documents === null || document === undefined) return null
  const edited = editFirst(text, document, pointer, value)
  if (edited.kind === 'no-place') return { depth: edited.depth }
  if (edited.kind === 'unable') return null
  const { from, to, text: added } = edited.splice
  const result = text.slice(0, from) + added + text.slice(to)
  const after = parseKeeping(result)
  // There are many ways to write YAML; one that was not thought of must not cost a value.
  return after !== null && isEdited(documents, after, edited.way, value) ? { text: result } : null
}

import type { Json } from '../model/json.ts'
import type { ListRules } from '../model/lists.ts'
import type { Pointer } from '../model/pointer.ts'
import type { DocumentFormat } from './set.ts'
import { placeIn } from './write-edits.ts'

/** How the values at some paths of a merged document are written in its text; null for one that is not there in one piece. */
export async function writtenAt(
  text: string,
  paths: readonly (readonly string[])[],
  lists: ListRules,
  { format, read }: { readonly format: DocumentFormat; readonly read: (text: string) => Json | undefined | Promise<Json | undefined> },
): Promise<(string | null)[]> {
  const plain = text.replace(/^\uFEFF/, '')
  // Without rules for lists a path is a pointer.
  const value = Object.keys(lists).length === 0 ? undefined : await read(plain)
  const pointers: Pointer[] = paths.map((path) =>
    value === undefined ? path.map((key) => ({ key })) : placeIn(value, path, lists).pointer,
  )
  if (format === 'toml') return (await import('./toml-set.ts')).writtenToml(plain, pointers)
  return format === 'json'
    ? (await import('./json-set.ts')).writtenJson(plain, pointers)
    : (await import('./yaml-written.ts')).writtenYaml(plain, pointers)
}

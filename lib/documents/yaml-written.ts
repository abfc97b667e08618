import type { Pointer } from '../model/pointer.ts'
import { parseKeeping } from './yaml-edit.ts'
import { follow } from './yaml-place.ts'
import { spanOf } from './yaml-span.ts'

/**
 * How the values at some places of a YAML text are written, each with what stands between its colon or dash and it; null for one that is
 * not there, or not to be told from what is around it.
 */
export function writtenYaml(text: string, pointers: readonly Pointer[]): (string | null)[] {
  const [document] = parseKeeping(text) ?? []
  return pointers.map((pointer) => {
    const found = document === undefined ? null : follow(document, pointer)
    const span = found?.kind === 'there' ? spanOf(found.member) : null
    // The last line feed is the document's.
    return span === null ? null : text.slice(span.behind ?? span.value, span.end).replace(/\r?\n$/, '')
  })
}

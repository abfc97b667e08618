import { isMap, isScalar } from 'yaml'
import type { Edit } from '../model/edits.ts'
import { unkeyed, type ListRules } from '../model/lists.ts'
import { newValue, together, writeEdits } from './write-edits.ts'
import { parseKeeping } from './yaml-edit.ts'
import { mapLines } from './yaml-render.ts'
import { parseYaml } from './yaml-value.ts'

/** The text of a YAML document with some keys set or removed. */
export async function writeYaml(text: string, edits: readonly Edit[], lists: ListRules): Promise<string> {
  const [, mark = '', plain = ''] = /^(\uFEFF?)(.*)$/s.exec(text) ?? []
  const read = (now: string) => parseYaml(now, '')
  let known = plain
  for (const edit of together(edits))
    known = begin(known, edit, lists) ?? (await writeEdits(known, [edit], lists, { format: 'yaml', read }))
  return mark + known
}

/** The first key of a document that holds nothing but comments, or `{}`; null for any other. */
function begin(text: string, { path: [key, ...below], after }: Edit, lists: ListRules): string | null {
  const [document, ...more] = parseKeeping(text) ?? []
  if (key === undefined || below.length > 0 || after === undefined || more.length > 0) return null
  const contents = document?.contents ?? null
  const line = `${mapLines([[key, newValue(unkeyed(after, lists, [key]))]], 0, 2).join('')}\n`
  if (contents === null || (isScalar(contents) && contents.value === '' && contents.range[0] === contents.range[1]))
    return (text === '' || text.endsWith('\n') ? text : `${text}\n`) + line
  if (!isMap(contents) || contents.items.length > 0 || contents.flow !== true || contents.range === null || contents.range === undefined)
    return null
  const [from, to] = contents.range
  const alone = text.slice(text.lastIndexOf('\n', from - 1) + 1, from).trim() === '' && /^[ \t]*(?:\n|$)/.test(text.slice(to))
  return alone ? text.slice(0, from) + line + text.slice(to).replace(/^[ \t]*\n/, '') : null
}

import { keyOf, showPointer, type Pointer } from '../../model/pointer.ts'
import { fault } from '../fault.ts'
import { branch, isBranch, item, lookup, type Branch, type Value } from './document.ts'
import { writeJson } from './json-write.ts'
import { readJson } from './json.ts'

/**
 * Only some keys of a JSON document, in the order that they are named, with its indentation. Numbers keep all their digits. Throws `usage` for a
 * place where there is nothing, `invalid` for text that is no JSON object.
 */
export function pickKeys(text: string, places: readonly Pointer[]): string {
  const whole = readJson(text)
  const picked = branch()
  for (const place of places) {
    const keys = place.map((step) => keyOf(step) ?? '')
    const value = keys.reduce<Value | undefined>((at, key) => (at !== undefined && isBranch(at) ? lookup(at, key) : undefined), whole)
    if (keys.length === 0 || value === undefined)
      throw fault('bad-path', `has no key ${showPointer(place)}`, {
        hint: 'Name keys of mappings that are there, from the top: /mcpServers',
      })
    put(picked, keys, value)
  }
  const indent = /^[ \t]+(?=")/m.exec(text)?.[0]
  return indent === undefined ? writeJson(picked) : writeJson(picked, { indent, escapes: false })
}

function put(map: Branch, [first = '', ...rest]: readonly string[], value: Value): void {
  const there = lookup(map, first)
  if (there !== undefined && isBranch(there) && rest.length > 0) return put(there, rest, value)
  if (there !== undefined) return
  const made = branch()
  map.items.push(item(first, rest.length === 0 ? value : made))
  if (rest.length > 0) put(made, rest, value)
}

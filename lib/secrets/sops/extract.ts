import { indexOf, keyOf, showPointer, type Pointer } from '../../model/pointer.ts'
import { fault } from '../fault.ts'
import { branch, isBranch, isComment, isList, item, lookup, type Documents, type Value } from './document.ts'
import { writeJson, writeJsonValue } from './json-write.ts'
import type { SopsFormat } from './file-format.ts'
import { writeYaml } from './yaml-write.ts'

/**
 * What stands at a place of the first document, as sops prints it: text as it is, without a line feed, everything else in
 * the file's format. Throws `no-path`; the message names keys of the document, never a value.
 */
export function extract(documents: Documents, pointer: Pointer, format: SopsFormat): Buffer {
  return print(find(documents[0] ?? branch(), pointer), format)
}

/** What stands at a place below a value. Throws `no-path`. */
export function find(root: Value, pointer: Pointer): Value {
  let value: Value | undefined = root
  for (const [depth, step] of pointer.entries()) {
    const key = keyOf(step)
    if (isBranch(value)) value = key === undefined ? undefined : lookup(value, key)
    else if (isList(value)) {
      const items: Value[] = value.items.filter((entry) => !isComment(entry))
      value = items[indexOf(step, items.length) ?? items.length]
    } else value = undefined
    if (value === undefined) throw fault('no-path', `has nothing at ${showPointer(pointer.slice(0, depth + 1))}`)
  }
  return value
}

function print(value: Value, format: SopsFormat): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8')
  if (Buffer.isBuffer(value)) return value
  if (format === 'ini' && isBranch(value))
    throw fault('shape', 'has a section there, which by itself is no INI', { hint: 'Name one of its keys.' })
  if (format !== 'yaml') {
    if (isBranch(value)) return Buffer.from(writeJson(value), 'utf8')
    return Buffer.from(writeJsonValue(value), 'utf8')
  }
  if (isBranch(value)) return Buffer.from(writeYaml([value]), 'utf8')
  // The writer's root is a mapping: what it has put below a key is moved out again.
  return Buffer.from(
    writeYaml([branch(item('k', value))])
      .replace(/^k:(?:\n| )/, '')
      .replaceAll(/^ {4}/gm, ''),
    'utf8',
  )
}

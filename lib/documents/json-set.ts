import { parseTree, type Node, type ParseError } from 'jsonc-parser'
import { indexOf, keyOf, made, type Pointer, type Step } from '../model/pointer.ts'
import { endOf, insert, removal, replacement } from './json-layout.ts'
import { nested, type NewValue } from './new-value.ts'

/**
 * A JSON text, with comments or without, with the value at a place set, or with null removed; the depth of a step that leads nowhere;
 * null when it does not parse.
 */
export function setJson(text: string, pointer: Pointer, value: NewValue | null): { text: string } | { depth: number } | null {
  const errors: ParseError[] = []
  let node = parseTree(text, errors, { allowTrailingComma: true })
  if (node === undefined || errors.length > 0) return null
  for (const [depth, step] of pointer.entries()) {
    const next = enter(node, step)
    if (next === null || (next.node === undefined && value === null)) return { depth }
    if (next.node === undefined) {
      const inside = namesOf(pointer.slice(depth + 1))
      return inside === null ? { depth } : { text: insert(text, node, next.name, nested(inside, value as NewValue)) }
    }
    node = next.node
  }
  return { text: value === null ? removal(text, node) : replacement(text, node, node.offset, endOf(node), value) }
}

/** How the values at some places of a JSON text are written; null for one that is not there. */
export function writtenJson(text: string, pointers: readonly Pointer[]): (string | null)[] {
  const root = parseTree(text, [], { allowTrailingComma: true })
  return pointers.map((pointer) => {
    const node = pointer.reduce<Node | undefined>((inner, step) => inner && enter(inner, step)?.node, root)
    return node === undefined ? null : text.slice(node.offset, endOf(node))
  })
}

/** One step into a value; null where it leads nowhere. */
function enter(node: Node, step: Step): { name: string | number; node: Node | undefined } | null {
  const children = node.children ?? []
  if (node.type === 'array') {
    const at = indexOf(step, children.length)
    return at === undefined || at > children.length ? null : { name: at, node: children[at] }
  }
  const key = keyOf(step)
  if (key === undefined || node.type !== 'object') return null
  return { name: key, node: children.find(({ children: [name] = [] }) => name?.value === key)?.children?.[1] }
}

/** What is to be made on a way that is not there; null where it would begin a list in its middle. */
function namesOf(steps: readonly Step[]): (string | number)[] | null {
  const names = steps.map(made)
  return names.every((name) => name !== null) ? names : null
}

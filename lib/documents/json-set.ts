import { parseTree, type Node } from 'jsonc-parser'
import { indexOf, keyOf, made, type Pointer, type Step } from '../model/pointer.ts'
import { formatOf } from './json.ts'
import { nested, type NewValue } from './new-value.ts'

/** A JSON text with the value at a place set, or with null removed; the depth of a step that leads nowhere; null when it does not parse. */
export function setJson(text: string, pointer: Pointer, value: NewValue | null): { text: string } | { depth: number } | null {
  let node = parseTree(text)
  if (node === undefined) return null
  for (const [depth, step] of pointer.entries()) {
    const next = enter(node, step)
    if (next === null || (next.node === undefined && value === null)) return { depth }
    if (next.node === undefined) {
      const inside = namesOf(pointer.slice(depth + 1))
      return inside === null ? { depth } : { text: add(text, node, next.name, nested(inside, value as NewValue)) }
    }
    node = next.node
  }
  return { text: value === null ? remove(text, node) : put(text, node.offset, endOf(node), value) }
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

/** Behind the last member, on a line of its own where that has one. */
function add(text: string, container: Node, name: string | number, value: NewValue): string {
  const last = container.children?.at(-1)
  if (last === undefined) {
    const whole: NewValue = nested([name], value)
    return put(text, container.offset, endOf(container), whole)
  }
  const between = text.slice(container.offset + 1, container.children?.[0]?.offset)
  const apart = between.includes('\n') ? between.slice(between.lastIndexOf('\n')).replace(/^\n/, lineFeed(text)) : ' '
  const key = typeof name === 'string' ? `${JSON.stringify(name)}: ` : ''
  const at = endOf(last)
  const begun = `${text.slice(0, at)},${apart}${key}`
  return put(begun + text.slice(at), begun.length, begun.length, value)
}

/** A member with its comma; the last one leaves empty brackets. */
function remove(text: string, node: Node): string {
  const member = node.parent?.type === 'property' ? node.parent : node
  const container = member.parent
  const all = container?.children ?? []
  const at = all.indexOf(member)
  const [before, after] = [all[at - 1], all[at + 1]]
  if (after !== undefined) return text.slice(0, member.offset) + text.slice(after.offset)
  if (before !== undefined) return text.slice(0, endOf(before)) + text.slice(endOf(member))
  return container === undefined ? text : text.slice(0, container.offset + 1) + text.slice(endOf(container) - 1)
}

function put(text: string, from: number, to: number, value: NewValue): string {
  const { insertSpaces, tabSize = 2 } = formatOf(text)
  const line = text.slice(text.lastIndexOf('\n', from - 1) + 1, from)
  const step = insertSpaces === true ? ' '.repeat(tabSize) : '\t'
  const rendered = text.trim().includes('\n') ? pretty(value, step, /^[ \t]*/.exec(line)?.[0] ?? '') : compact(value)
  return text.slice(0, from) + rendered.replaceAll('\n', lineFeed(text)) + text.slice(to)
}

function lineFeed(text: string): string {
  return formatOf(text).eol ?? '\n'
}

function endOf({ offset, length }: Node): number {
  return offset + length
}

function pretty(value: NewValue, step: string, indent: string): string {
  const lines =
    value.kind === 'map'
      ? value.entries.map(([key, each]) => `${JSON.stringify(key)}: ${pretty(each, step, indent + step)}`)
      : value.kind === 'list'
        ? value.items.map((item) => pretty(item, step, indent + step))
        : []
  if (lines.length === 0) return compact(value)
  const [before, after] = value.kind === 'map' ? '{}' : '[]'
  return `${before}\n${lines.map((line) => indent + step + line).join(',\n')}\n${indent}${after}`
}

function compact(value: NewValue): string {
  if (value.kind === 'text') return JSON.stringify(value.text.toWellFormed())
  if (value.kind === 'word') return value.text
  if (value.kind === 'list') return `[${value.items.map(compact).join(', ')}]`
  return `{${value.entries.map(([key, each]) => `${JSON.stringify(key)}: ${compact(each)}`).join(', ')}}`
}

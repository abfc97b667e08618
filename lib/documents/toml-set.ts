import type { AST } from 'toml-eslint-parser'
import type { Pointer } from '../model/pointer.ts'
import { nested, type NewValue } from './new-value.ts'
import { added } from './toml-add.ts'
import { inline, keyText } from './toml-render.ts'
import { withoutLines } from './toml-remove.ts'
import { keysOf, leads, outlineOf, type Outline, type Way } from './toml-tree.ts'

type Inside = AST.TOMLInlineTable | AST.TOMLArray

/** Where a way leads in values that are written in brackets. */
type Found =
  | { readonly kind: 'value'; readonly node: AST.TOMLContentNode; readonly holder: { readonly in: Inside; readonly at: number } | null }
  | { readonly kind: 'missing'; readonly in: Inside; readonly rest: Way }
  | { readonly kind: 'blocked' }

/** A TOML text with the value at a place set, or with null removed; the depth of a step that leads nowhere; null where it cannot be written. */
export function setToml(text: string, pointer: Pointer, value: NewValue | null): { text: string } | { depth: number } | null {
  const way = wayOf(pointer)
  const outline = outlineOf(text)
  const line = outline.lines.find((known) => leads(way, known.way))
  if (line === undefined) return inTables(text, outline, way, value)
  const found = follow(line.node.value, way.slice(line.way.length))
  if (found.kind === 'blocked') return { depth: line.way.length }
  if (value === null) {
    if (found.kind === 'missing') return { depth: line.way.length }
    return { text: found.holder === null ? withoutLines(text, outline, way) : without(text, found.holder.in, found.holder.at) }
  }
  const result = found.kind === 'value' ? replaced(text, found.node, value) : inserted(text, found.in, found.rest, value)
  return result === null ? null : { text: result }
}

/** How the values at some places of a TOML text are written; null for one that is not there, and for a table with a header. */
export function writtenToml(text: string, pointers: readonly Pointer[]): (string | null)[] {
  const { lines } = outlineOf(text)
  return pointers.map((pointer) => {
    const way = wayOf(pointer)
    const line = lines.find((known) => leads(way, known.way))
    const found = line === undefined ? null : follow(line.node.value, way.slice(line.way.length))
    return found?.kind === 'value' ? text.slice(...found.node.range) : null
  })
}

function wayOf(pointer: Pointer): Way {
  return pointer.map((step) => ('key' in step ? step.key : 'index' in step ? step.index : step.either))
}

function inTables(text: string, outline: Outline, way: Way, value: NewValue | null): { text: string } | { depth: number } | null {
  const there = [...outline.lines, ...outline.tables].some((part) => leads(part.way, way))
  if (value === null) return there ? { text: withoutLines(text, outline, way) } : { depth: 0 }
  const cleared = there ? withoutLines(text, outline, way) : text
  const result = added(cleared, there ? outlineOf(cleared) : outline, way, value)
  return result === null ? null : { text: result }
}

function follow(node: AST.TOMLContentNode, way: Way, holder: { readonly in: Inside; readonly at: number } | null = null): Found {
  const [step] = way
  if (step === undefined) return { kind: 'value', node, holder }
  if (node.type === 'TOMLArray') {
    const element = typeof step === 'number' ? node.elements[step] : undefined
    if (element !== undefined) return follow(element, way.slice(1), { in: node, at: Number(step) })
    return step === node.elements.length ? { kind: 'missing', in: node, rest: way } : { kind: 'blocked' }
  }
  if (node.type !== 'TOMLInlineTable') return { kind: 'blocked' }
  const at = node.body.findIndex((line) => leads(way, keysOf(line)))
  const line = node.body[at]
  // Dotted keys that share a beginning are not edited here.
  if (line === undefined)
    return node.body.some((known) => keysOf(known)[0] === step) ? { kind: 'blocked' } : { kind: 'missing', in: node, rest: way }
  return follow(line.value, way.slice(keysOf(line).length), { in: node, at })
}

function replaced(text: string, { range: [from, to] }: AST.TOMLContentNode, value: NewValue): string | null {
  const rendered = inline(value)
  return rendered === null ? null : text.slice(0, from) + rendered + text.slice(to)
}

/** Behind the last member, on a line of its own where that has one. */
function inserted(text: string, container: Inside, [step, ...below]: Way, value: NewValue): string | null {
  const rendered = inline(nested(below, value))
  if (rendered === null || step === undefined) return null
  const member = typeof step === 'string' ? `${keyText(step)} = ${rendered}` : rendered
  const members = membersOf(container)
  const [from, to] = container.range
  const last = members.at(-1)
  if (last === undefined) {
    if (text.slice(from + 1, to - 1).trim() !== '') return null
    return text.slice(0, from) + (container.type === 'TOMLArray' ? `[${member}]` : `{ ${member} }`) + text.slice(to)
  }
  const before = text.slice(from + 1, members[0]?.range[0])
  const apart = before.includes('\n') ? (/\r?\n[ \t]*$/.exec(before)?.[0] ?? '\n') : ' '
  const end = last.range[1]
  const comma = /^\s*,/.exec(text.slice(end, to))?.[0].length ?? 0
  const note = apart === ' ' ? 0 : (/^[ \t]*#[^\r\n]*/.exec(text.slice(end + comma))?.[0].length ?? 0)
  const at = end + comma + note
  return text.slice(0, end) + (comma === 0 ? ',' : '') + text.slice(end, at) + apart + member + (comma === 0 ? '' : ',') + text.slice(at)
}

function without(text: string, container: Inside, at: number): string {
  const members = membersOf(container)
  const [member, before, after] = [members[at], members[at - 1], members[at + 1]]
  if (member === undefined) return text
  const [from, to] = member.range
  if (after !== undefined) {
    const start = text.lastIndexOf('\n', from - 1) + 1
    const feed = text.indexOf('\n', to)
    const alone =
      text.slice(start, from).trim() === '' && feed >= 0 && feed < after.range[0] && /^\s*,\s*(?:#.*)?$/.test(text.slice(to, feed))
    return alone ? text.slice(0, start) + text.slice(feed + 1) : text.slice(0, from) + text.slice(after.range[0])
  }
  if (before !== undefined) return text.slice(0, before.range[1]) + text.slice(to)
  const [start, end] = container.range
  const rest = text.slice(to, end - 1).replace(/^\s*,/, '')
  return text.slice(0, start + 1) + (rest.trim() === '' ? '' : rest) + text.slice(end - 1)
}

function membersOf(container: Inside): readonly (AST.TOMLContentNode | AST.TOMLKeyValue)[] {
  return container.type === 'TOMLArray' ? container.elements : container.body
}

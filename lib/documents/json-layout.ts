import { createScanner, type Node } from 'jsonc-parser'
import { formatOf } from './json.ts'
import { compact, pretty } from './json-render.ts'
import { nested, type NewValue } from './new-value.ts'

const FEED = /\r?\n/g

/** The text with a value in place of another, laid out as its neighbours are. */
export function replacement(text: string, node: Node, from: number, to: number, value: NewValue): string {
  const rendered = value.kind === 'written' ? value.text : render(text, node, from, value)
  return text.slice(0, from) + rendered + text.slice(to)
}

/** The text with one more member behind the last, on a line of its own where that has one. */
export function insert(text: string, container: Node, name: string | number, value: NewValue): string {
  const last = container.children?.at(-1)
  if (last === undefined) return fill(text, container, name, value)
  const comma = commaBehind(text, endOf(last))
  const first = container.children?.[0]?.offset ?? endOf(last)
  const apart = between(text, container, first)
  const at = apart.includes('\n') ? behindComment(text, comma ?? endOf(last)) : (comma ?? endOf(last))
  const head =
    text.slice(0, endOf(last)) + (comma === null ? ',' : '') + text.slice(endOf(last), at) + apart + keyText(text, container, name)
  const indent = /[^\n]*$/.exec(apart)?.[0] ?? ''
  const body = apart.includes('\n') ? pretty(value, stepOf(text), indent).replaceAll(FEED, eol(text)) : compact(value, isTight(container))
  return head + body + (comma === null ? '' : ',') + text.slice(at)
}

/** The first member of a container that has none; comments in it stay. */
function fill(text: string, container: Node, name: string | number, value: NewValue): string {
  const [from, to] = [container.offset + 1, endOf(container) - 1]
  if (text.slice(from, to).trim() === '')
    return replacement(text, container.parent ?? container, container.offset, endOf(container), nested([name], value))
  const indent = indentAt(text, container.offset)
  const inner = indent + stepOf(text)
  const member = keyText(text, container, name) + pretty(value, stepOf(text), inner).replaceAll(FEED, eol(text))
  return `${text.slice(0, to).trimEnd()}${eol(text)}${inner}${member}${eol(text)}${indent}${text.slice(to)}`
}

/** The text without a member and its comma; a line that it had for itself goes, with a comment on it. The last one leaves empty brackets. */
export function removal(text: string, node: Node): string {
  const member = node.parent?.type === 'property' ? node.parent : node
  const container = member.parent
  if (container === undefined) return text
  const all = container.children ?? []
  const before = all[all.indexOf(member) - 1]
  const comma = commaBehind(text, endOf(member))
  if (all.length === 1) {
    const left = text.slice(container.offset + 1, member.offset) + text.slice(comma ?? endOf(member), endOf(container) - 1)
    return text.slice(0, container.offset + 1) + (left.trim() === '' ? '' : left) + text.slice(endOf(container) - 1)
  }
  const [from, to] = reach(text, member.offset, comma ?? endOf(member))
  if (comma !== null || before === undefined) return text.slice(0, from) + text.slice(to)
  const loose = (commaBehind(text, endOf(before)) ?? endOf(before) + 1) - 1
  // On one line the blanks between the two go with the comma.
  const start = from === member.offset ? loose + 1 : from
  return text.slice(0, loose) + text.slice(loose + 1, start) + text.slice(from === member.offset ? endOf(member) : to)
}

/** A member with its line, where it has one for itself; else with the blanks behind it. */
function reach(text: string, from: number, to: number): readonly [number, number] {
  const start = text.lastIndexOf('\n', from - 1) + 1
  const feed = text.indexOf('\n', to)
  const rest = text.slice(to, feed < 0 ? text.length : feed)
  if (feed >= 0 && text.slice(start, from).trim() === '' && /^\s*(?:\/\/.*|\/\*(?:(?!\*\/).)*\*\/\s*)?$/.test(rest))
    return [start, feed + 1]
  return [from, to + (/^\s*/.exec(text.slice(to))?.[0].length ?? 0)]
}

function render(text: string, node: Node, from: number, value: NewValue): string {
  const near = nearest(node)
  const oneLine =
    near === undefined ? !/[\r\n]/.test(text.trim()) && text.trim() !== '{}' : !/[\r\n]/.test(text.slice(near.offset, endOf(near)))
  if (oneLine) return compact(value, near !== undefined && isTight(near))
  return pretty(value, stepOf(text), indentAt(text, from)).replaceAll(FEED, eol(text))
}

/** The container around a place, or at it, that has members to tell how it is laid out. */
function nearest(node: Node | undefined): Node | undefined {
  for (let near = node; near !== undefined; near = near.parent)
    if ((near.type === 'object' || near.type === 'array') && (near.children?.length ?? 0) > 0) return near
  return undefined
}

/** Whether there are no blanks behind colons or commas. */
function isTight(container: Node): boolean {
  for (let near: Node | undefined = container; near !== undefined; near = near.parent) {
    const [first] = near.type === 'object' ? (near.children ?? []) : []
    if (first?.colonOffset !== undefined) return first.children?.[1]?.offset === first.colonOffset + 1
  }
  return false
}

/** What stands before a member of this container: a line feed and its indentation, a blank, or nothing. */
function between(text: string, container: Node, first: number): string {
  const opening = text.slice(container.offset + 1, first)
  if (opening.includes('\n')) return eol(text) + (/[^\n]*$/.exec(opening)?.[0] ?? '').replace(/\S.*$/, '')
  return isTight(container) ? '' : ' '
}

/** Behind a comment that stands on the same line. */
function behindComment(text: string, at: number): number {
  return at + (/^[ \t]*(?:\/\/[^\r\n]*|\/\*(?:(?!\*\/)[^\r\n])*\*\/)/.exec(text.slice(at))?.[0].length ?? 0)
}

/** Where the comma behind a value ends; null when there is none. */
function commaBehind(text: string, at: number): number | null {
  const scanner = createScanner(text, true)
  scanner.setPosition(at)
  scanner.scan()
  return text[scanner.getTokenOffset()] === ',' ? scanner.getTokenOffset() + 1 : null
}

function keyText(text: string, container: Node, name: string | number): string {
  const tight = isTight(container) && !/[\r\n]/.test(text.slice(container.offset, endOf(container)))
  return typeof name === 'string' ? `${JSON.stringify(name)}:${tight ? '' : ' '}` : ''
}

function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', at - 1) + 1, at))?.[0] ?? ''
}

function stepOf(text: string): string {
  return formatOf(text).step
}

function eol(text: string): string {
  return formatOf(text).eol
}

/** Behind the last character of a node. */
export function endOf({ offset, length }: Node): number {
  return offset + length
}

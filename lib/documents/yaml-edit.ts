import { isMap, isSeq, parseAllDocuments, type Document, type Node } from 'yaml'
import type { Pointer } from '../model/pointer.ts'
import { nested, type NewValue } from './new-value.ts'
import { columnOf, endOf, isFlow, spanOf, type Span } from './yaml-span.ts'
import { follow, valueOf, type Container, type Found, type Member, type Way } from './yaml-place.ts'
import { block, inline, inlineText, listLines, mapLines } from './yaml-render.ts'

/** One change of a text. */
interface Splice {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** What came of looking for the place of an edit. */
export type Edited =
  | { readonly kind: 'splice'; readonly splice: Splice; readonly way: Way }
  | { readonly kind: 'no-place'; readonly depth: number }
  | { readonly kind: 'unable' }

/** The documents of a text, with all that is needed to edit it; null when it does not parse. */
export function parseKeeping(text: string): Document.Parsed[] | null {
  const documents = parseAllDocuments(text, {
    keepSourceTokens: true,
    schema: 'failsafe',
    merge: false,
    uniqueKeys: false,
    logLevel: 'error',
  })
  if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return null
  return documents
}

/** How the first document changes when a place gets a value, or loses it. */
export function editFirst(text: string, document: Document.Parsed, pointer: Pointer, value: NewValue | null): Edited {
  const found = follow(document, pointer)
  if (found.kind === 'blocked') return { kind: 'no-place', depth: found.depth }
  if (found.kind === 'missing' && value === null) return { kind: 'no-place', depth: found.way.length }
  const change = value === null ? found.kind === 'there' && remove(text, document, found.member) : written(text, document, found, value)
  const way = found.kind === 'there' ? found.way : [...found.way, ...found.rest]
  return change === null || change === false ? { kind: 'unable' } : { kind: 'splice', splice: change, way }
}

function written(text: string, document: Document.Parsed, found: Exclude<Found, { kind: 'blocked' }>, value: NewValue): Splice | null {
  if (found.kind === 'there') return replace(text, document, found.member, value)
  if (found.parent.items.length > 0) return insert(text, found.parent, found.rest, value)
  // Where nothing stood but brackets the new value takes their place.
  return found.above === null ? null : replace(text, document, found.above, nested(found.rest, value))
}

function replace(text: string, document: Document.Parsed, member: Member, value: NewValue): Splice | null {
  const span = spanOf(member)
  if (span === null) return null
  const { behind, end } = span
  if (value.kind === 'written') return splice(behind ?? span.value, end, value.text + closing(text, span))
  if (behind === null || inBrackets(document, member)) {
    const before = behind === span.value ? ' ' : ''
    return splice(
      behind === null && isMap(member.parent) ? span.end : span.value,
      end,
      behind === null && isMap(member.parent) ? `: ${inline(value)}` : before + inline(value),
    )
  }
  const closed = closing(text, span)
  const rest = text.slice(end, lineEnd(text, end))
  const free = text.slice(behind, span.value).trim() === ''
  // Behind a comment that stands between key and value, and before one on the same line, there is room for one line only.
  if (!free || (closed === '' && rest.trim() !== ''))
    return splice(free ? behind : span.value, end, (free ? ' ' : '') + inline(value) + closed)
  const column = columnOf(member.parent)
  const step = isSeq(member.parent) ? 2 : stepOf(text)
  return splice(behind, end, lines(text, block(value, column + step, stepOf(text))) + closed)
}

/** The line feed that a value ends with. */
function closing(text: string, { from, end }: Span): string {
  return /\r?\n$/.exec(text.slice(from, end))?.[0] ?? ''
}

function insert(text: string, parent: Container, rest: Way, value: NewValue): Splice | null {
  const last = spanOf({ parent, at: parent.items.length - 1 })
  if (last === null) return null
  const [step = '', ...inside] = rest
  const made = nested(inside, value)
  if (isFlow(parent)) return splice(last.end, last.end, `, ${typeof step === 'string' ? `${inlineText(step)}: ` : ''}${inline(made)}`)
  const column = columnOf(parent)
  const added = typeof step === 'string' ? mapLines([[step, made]], column, stepOf(text)) : listLines([made], column, stepOf(text))
  const at = last.end > 0 && text[last.end - 1] === '\n' ? last.end : lineEnd(text, last.end)
  const line = lines(text, added.map((each) => ' '.repeat(column) + each).join('\n'))
  const feed = lines(text, '\n')
  return text[at - 1] === '\n' ? splice(at, at, line + feed) : splice(at, at, feed + line)
}

function remove(text: string, document: Document.Parsed, member: Member): Splice | null {
  const span = spanOf(member)
  if (span === null) return null
  const { parent, at } = member
  if (parent.items.length === 1) return empty(text, document, parent)
  if (isFlow(parent)) {
    const next = at + 1 < parent.items.length ? spanOf({ parent, at: at + 1 }) : null
    const before = at > 0 ? spanOf({ parent, at: at - 1 }) : null
    if (next !== null) return splice(span.from, next.from, '')
    return before === null ? null : splice(before.end, span.end, '')
  }
  const start = text.lastIndexOf('\n', span.from - 1) + 1
  const end = text[span.end - 1] === '\n' ? span.end : lineEnd(text, span.end)
  if (text.slice(start, span.from).trim() === '') return splice(start, end, '')
  // The first key of a mapping in a list stands behind the dash: the next one takes its place.
  const next = spanOf({ parent, at: at + 1 })
  return next === null ? null : splice(span.from, next.from, '')
}

/** Without its last member a container is written as empty. */
function empty(text: string, document: Document.Parsed, parent: Container): Splice {
  const brackets = isMap(parent) ? '{}' : '[]'
  const from = parent.range?.[0] ?? 0
  const end = endOf(parent, from)
  const closed = text[end - 1] === '\n' && !isFlow(parent) ? '\n' : ''
  const above = memberHolding(document.contents as Node, parent)
  const behind = above === null ? null : (spanOf(above)?.behind ?? null)
  const free = behind !== null && text.slice(behind, from).trim() === ''
  return splice(free ? behind : from, end, `${free ? ' ' : ''}${brackets}${closed}`)
}

function memberHolding(root: Node, wanted: Container): Member | null {
  if (!isMap(root) && !isSeq(root)) return null
  const parent = root as Container
  for (let at = 0; at < parent.items.length; at += 1) {
    const value = valueOf({ parent, at })
    if (value === wanted) return { parent, at }
    const inside = value === null ? null : memberHolding(value, wanted)
    if (inside !== null) return inside
  }
  return null
}

function inBrackets(document: Document.Parsed, { parent }: Member): boolean {
  for (
    let container: Container | null = parent;
    container !== null;
    container = memberHolding(document.contents as Node, container)?.parent ?? null
  ) {
    if (isFlow(container)) return true
  }
  return false
}

function splice(from: number, to: number, text: string): Splice {
  return { from, to, text }
}

/** Behind the line feed, or the end of the text. */
function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from)
  return at < 0 ? text.length : at + 1
}

/** Line ends as the text has them. */
function lines(text: string, added: string): string {
  return text.includes('\r\n') ? added.replaceAll(/\r?\n/g, '\r\n') : added
}

/** How far the document indents; sops' own four where nothing is indented. */
function stepOf(text: string): number {
  const steps = [...text.matchAll(/^( {2,8})[^ #]/gm)].map(([, blanks = '']) => blanks.length)
  return steps.length === 0 ? 4 : Math.min(...steps.slice(0, 1000))
}

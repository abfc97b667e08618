import { nested, type NewValue } from './new-value.ts'
import { dotted, inline, section } from './toml-render.ts'
import { endOf, lineEnd } from './toml-remove.ts'
import { leads, type Outline, type Table, type Way } from './toml-tree.ts'

/** The text with something at a way at which nothing is yet; null where it cannot be written. */
export function added(text: string, outline: Outline, way: Way, value: NewValue): string | null {
  const above = way.slice(0, -1)
  const key = way.at(-1)
  if (typeof key === 'number') return item(text, outline, above, value)
  if (key === undefined || !isThere(outline, above)) return key === undefined ? null : added(text, outline, above, nested([key], value))
  if (value.kind === 'map') return table(text, outline, way, value)
  const rendered = inline(value)
  return rendered === null ? null : line(text, outline, above, key, rendered)
}

function isThere({ lines, tables }: Outline, way: Way): boolean {
  return way.length === 0 || [...lines, ...tables].some((part) => leads(part.way, way))
}

/** One more table behind those of its kind. */
function item(text: string, outline: Outline, list: Way, value: NewValue): string | null {
  const last = outline.tables.findLast((known) => leads(known.way, list))
  if (value.kind !== 'map') return last === undefined ? added(text, outline, list, { kind: 'list', items: [value] }) : null
  return below(text, last ?? outline.tables.at(-1), section(names(list), value, ['[[', ']]']))
}

/** A table of its own, behind what is nearest to it. */
function table(text: string, { tables }: Outline, way: Way, value: Extract<NewValue, { kind: 'map' }>): string | null {
  const above = way.slice(0, -1)
  const near = tables.findLast((known) => leads(known.way, above)) ?? tables.at(-1)
  return below(text, above.length === 0 ? tables.at(-1) : near, section(names(way), value, ['[', ']']))
}

function line(text: string, { lines, tables }: Outline, above: Way, key: string, rendered: string): string | null {
  const feed = eol(text)
  const header = tables.find((known) => same(known.way, above))
  if (header !== undefined) return after(text, endOf(header.node), `${dotted([key])} = ${rendered}`)
  // Dotted keys say the table's name themselves.
  const neighbour = lines.findLast((known) => leads(known.way, above) && leads(above, known.table?.way ?? []))
  if (neighbour !== undefined) {
    const start = neighbour.table?.way.length ?? 0
    return after(text, neighbour.node.range[1], `${dotted([...names(above.slice(start)), key])} = ${rendered}`)
  }
  const first = above.length === 0 ? tables[0] : tables.find((known) => leads(known.way, above))
  const opening = above.length === 0 ? '' : `[${dotted(names(above))}]${feed}`
  const start = first === undefined ? text.length : startOf(text, first)
  const begun = text.slice(0, start)
  const gap = first === undefined ? '' : feed
  return `${begun === '' || begun.endsWith('\n') ? begun : begun + feed}${opening}${dotted([key])} = ${rendered}${feed}${gap}${text.slice(start)}`
}

/** Places in lists have no name: a header below one belongs to the last item above it. */
function names(way: Way): string[] {
  return way.filter((step) => typeof step === 'string')
}

function same(one: Way, two: Way): boolean {
  return one.length === two.length && leads(one, two)
}

/** Before a header, and before the comment that stands right above it. */
function startOf(text: string, { node }: Table): number {
  let start = text.lastIndexOf('\n', node.range[0] - 1) + 1
  for (;;) {
    const above = start === 0 ? -1 : text.lastIndexOf('\n', start - 2) + 1
    if (above < 0 || !text.slice(above, start).trimStart().startsWith('#')) return start
    start = above
  }
}

/** A line behind the one that ends here. */
function after(text: string, at: number, added: string): string {
  const end = lineEnd(text, at)
  const feed = eol(text)
  return text[end - 1] === '\n' ? text.slice(0, end) + added + feed + text.slice(end) : text + feed + added
}

/** Lines behind a table, with a blank one between. */
function below(text: string, near: Table | undefined, lines: readonly string[] | null): string | null {
  if (lines === null) return null
  const feed = eol(text)
  const end = near === undefined ? text.length : lineEnd(text, endOf(near.node))
  const [before, rest] = [text.slice(0, end), text.slice(end)]
  const closed = before === '' || before.endsWith('\n') ? before : before + feed
  const gap = closed === '' || closed.endsWith(feed + feed) ? '' : feed
  return `${closed}${gap}${lines.join(feed)}${feed}${rest === '' || /^\s*\n/.test(rest) ? '' : feed}${rest}`
}

function eol(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n'
}

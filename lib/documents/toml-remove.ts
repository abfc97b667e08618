import { leads, type Outline, type Table, type Way } from './toml-tree.ts'

/** The text without all lines and tables at a way or below it. */
export function withoutLines(text: string, { lines, tables }: Outline, way: Way): string {
  const going = tables.filter((table) => leads(table.way, way))
  const spans = [
    ...going.map((table) => tableSpan(text, table)),
    ...lines
      .filter((line) => leads(line.way, way) && (line.table === null || !going.includes(line.table)))
      .map(({ node }) => aloneSpan(text, ...lineSpan(text, ...node.range))),
  ].toSorted(([a], [b]) => b - a)
  return spans.reduce((known, [from, to]) => known.slice(0, from) + known.slice(to), text)
}

/** A header and its lines, with the blank ones behind them; where nothing follows, with the one before them. */
function tableSpan(text: string, { node }: Table): readonly [number, number] {
  const [from, to] = lineSpan(text, node.range[0], endOf(node))
  const blank = /^(?:[ \t]*\r?\n)*/.exec(text.slice(to))?.[0].length ?? 0
  if (to + blank < text.length) return [from, to + blank]
  const gap = /(?<=\n)\r?\n$/.exec(text.slice(0, from))?.[0].length ?? 0
  return [from - gap, to + blank]
}

/** Lines that stand between blank ones, with those behind them: there is nothing left to keep apart. */
function aloneSpan(text: string, from: number, to: number): readonly [number, number] {
  const apart = from === 0 || /\n\r?\n$/.test(text.slice(0, from))
  return [from, to + (apart ? (/^\r?\n/.exec(text.slice(to))?.[0].length ?? 0) : 0)]
}

/** Whole lines, with a comment behind the last. */
function lineSpan(text: string, from: number, to: number): readonly [number, number] {
  return [text.lastIndexOf('\n', from - 1) + 1, lineEnd(text, to)]
}

/** Behind the line feed, or the end of the text. */
export function lineEnd(text: string, at: number): number {
  const feed = text.indexOf('\n', at)
  return feed < 0 ? text.length : feed + 1
}

/** Where the last thing of a table ends. */
export function endOf(node: Table['node']): number {
  return node.body.at(-1)?.range[1] ?? node.key.range[1]
}

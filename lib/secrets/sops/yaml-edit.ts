import { lineEnd, type Change, type Edit } from './format.ts'
import type { YamlSource, YamlSpot } from './yaml-spot.ts'
import { clearToken, type Manner, type Token } from './yaml-token.ts'
import { DEFAULT_STEP } from './yaml-write.ts'

/** A change of a scalar. */
export type ScalarChange = Change & { readonly at: YamlSpot }

/** In quotes when it stood in quotes: so it will again. Of several ways, the first that will give back the very text of the author. */
export function concealScalar(source: YamlSource, change: ScalarChange): Edit[] {
  const { at, clear, encrypted } = change
  const { start, end } = at
  const block = blockOf(source.text, at)
  if (block !== null) return concealBlock(source, change, block)
  const given = source.text.slice(start, end)
  const ways = waysOf(at)
  const way = ways.find((manner) => clearToken(clear, at, manner, stepOf(source)).head === given) ?? ways[0]
  return [{ start, end, text: way === undefined ? encrypted : written(encrypted, way) }]
}

/** In what ways an encrypted value can stand for one in clear, the usual one first. */
function waysOf({ style, flow }: YamlSpot): Manner[] {
  const own: Manner = { style: 'double', escaped: 'E' }
  if (style === 'double') return [{ style }, { style, escaped: 'N' }]
  if (style === 'single') return [flow ? own : { style }]
  return flow ? [{ style: 'single' }] : [{ style: 'plain' }, own]
}

function written(encrypted: string, { style, escaped }: Manner): string {
  if (style === 'plain') return encrypted
  if (style === 'single') return `'${encrypted}'`
  return `"${escaped === undefined ? encrypted : encrypted.replace(escaped, escaped === 'E' ? '\\x45' : '\\x4E')}"`
}

/** Plain, unless only a block tells how it stood. */
function concealBlock(source: YamlSource, { at, clear, encrypted }: ScalarChange, block: Block): Edit[] {
  const plainly = clearToken(clear, at, { style: 'plain' }, stepOf(source))
  const manner: Manner = { style: at.style, header: block.head, indent: block.indent }
  const stays = !isSame(block, plainly) && block.indent > at.column && isSame(block, clearToken(clear, at, manner, stepOf(source)))
  if (!stays) return replaced(source, at, { head: encrypted, lines: null })
  return replaced(source, at, { head: block.head, lines: [' '.repeat(block.indent) + encrypted] })
}

/** The value in clear, written as the encrypted one is. */
export function revealScalar(source: YamlSource, { at, clear }: ScalarChange): Edit[] {
  return replaced(source, at, clearToken(clear, at, mannerOf(source.text, at), stepOf(source)))
}

function mannerOf(text: string, at: YamlSpot): Manner {
  const block = blockOf(text, at)
  if (block !== null) return { style: at.style, header: block.head, indent: block.indent }
  if (text.startsWith('"\\x45NC[', at.start)) return { style: at.style, escaped: 'E' }
  return text.startsWith('"E\\x4EC[', at.start) ? { style: at.style, escaped: 'N' } : { style: at.style }
}

function stepOf({ step }: YamlSource): number {
  return step || DEFAULT_STEP
}

function isSame(block: Token, token: Token): boolean {
  return block.head === token.head && block.lines?.join('\n') === token.lines?.join('\n')
}

interface Block extends Token {
  /** Of its first line with content. */
  readonly indent: number
  readonly headEnd: number
  /** Where its lines are, from the end of the line of its head; without the end of the last line. */
  readonly from: number
  readonly to: number
}

function blockOf(text: string, { style, start, end }: YamlSpot): Block | null {
  if (style !== 'literal' && style !== 'folded') return null
  const head = /^[|>][-+0-9]*/.exec(text.slice(start, start + 10))?.[0] ?? ''
  const feed = text.indexOf('\n', start)
  const from = text[feed - 1] === '\r' ? feed - 1 : feed
  const to = end - (/\r?\n$/.exec(text.slice(end - 2, end))?.[0].length ?? 0)
  const lines = text.slice(feed + 1, Math.max(to, feed + 1)).split(/\r?\n/)
  const indent = /^ */.exec(lines.find((line) => line.trim() !== '') ?? '')?.[0].length ?? 0
  return { head, lines, indent, headEnd: start + head.length, from, to: Math.max(to, from) }
}

/** A block has two parts: what stands behind its head, a comment, stays there. */
function replaced({ text }: YamlSource, at: YamlSpot, { head, lines }: Token): Edit[] {
  const end = lineEnd(text)
  const below = lines === null ? '' : end + lines.join(end)
  const block = blockOf(text, at)
  if (block !== null) {
    return [
      { start: at.start, end: block.headEnd, text: head },
      { start: block.from, end: block.to, text: below },
    ]
  }
  const edits = [{ start: at.start, end: at.end, text: head }]
  if (lines === null) return edits
  const feed = text.indexOf('\n', at.end)
  const lineEndAt = feed < 0 ? text.length : text[feed - 1] === '\r' ? feed - 1 : feed
  return [...edits, { start: lineEndAt, end: lineEndAt, text: below }]
}

import { lineEnd, type Change, type Edit } from './format.ts'
import type { YamlSource, YamlSpot } from './yaml-spot.ts'
import { clearToken, type Manner, type Token } from './yaml-token.ts'
import { DEFAULT_STEP } from './yaml-write.ts'

/** A change of a scalar. */
export type ScalarChange = Change & { readonly at: YamlSpot }

/** In quotes when it stood in quotes: so it will again. Of several ways, one that will give back the very text of the author. */
export function concealScalar(source: YamlSource, { at, clear, encrypted }: ScalarChange): Edit[] {
  const { style, flow, start, end } = at
  const single = { start, end, text: `'${encrypted}'` }
  const double = { start, end, text: `"${encrypted}"` }
  const escaped = { start, end, text: `"\\x45${encrypted.slice(1)}"` }
  if (flow) return [style === 'plain' ? single : style === 'single' ? escaped : double]
  if (style === 'double') return [double]
  if (style === 'single') return [single]
  const plainly = clearToken(clear, at, { style: 'plain' }, stepOf(source))
  const block = blockOf(source.text, at)
  if (block === null) {
    const own = clearToken(clear, at, { style: 'double', escaped: true }, stepOf(source))
    const isOwn = own.head !== plainly.head && own.head === source.text.slice(start, end)
    return isOwn ? [escaped] : [{ start, end, text: encrypted }]
  }
  const manner: Manner = { style, header: block.head, indent: block.indent }
  const stays = !isSame(block, plainly) && block.indent > at.column && isSame(block, clearToken(clear, at, manner, stepOf(source)))
  if (!stays) return replaced(source, at, { head: encrypted, lines: null })
  return replaced(source, at, { head: block.head, lines: [' '.repeat(block.indent) + encrypted] })
}

/** The value in clear, written as the encrypted one is. */
export function revealScalar(source: YamlSource, { at, clear }: ScalarChange): Edit[] {
  const block = blockOf(source.text, at)
  const escaped = source.text.startsWith('"\\x45', at.start)
  const manner: Manner = block === null ? { style: at.style, escaped } : { style: at.style, header: block.head, indent: block.indent }
  return replaced(source, at, clearToken(clear, at, manner, stepOf(source)))
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

import type { Comment } from './document.ts'
import { lineEnd } from './format.ts'
import { commentsOwned, gapBefore, placeOf, type Found } from './yaml-comments.ts'
import { owners, type Block, type Gap } from './yaml-owners.ts'
import type { Reader } from './yaml-read.ts'

/** Goes into a block. */
export function openBlock(reader: Reader, block: Block): void {
  reader.blocks.push(block)
}

/** Goes out of the innermost block, behind which something stands at an offset. What comments there belong to it. */
export function closeBlock(reader: Reader, limit: number): Comment[] {
  const depth = reader.blocks.length - 1
  const gap = gapBefore(reader.comments, limit)
  if (depth > 0 && gap[0]?.owner === undefined) attribute(reader, gap, limit)
  const own = depth > 0 ? commentsOwned(reader.comments, depth, limit) : []
  reader.blocks.pop()
  return own
}

function attribute(reader: Reader, gap: readonly Found[], limit: number): void {
  const [first] = gap
  const last = gap.at(-1)
  if (first === undefined || last === undefined) return
  const { comments, blocks, text, found } = reader
  const { lexeme, end } = first.behind
  const owned = owners(gap, {
    blocks,
    last: { line: placeOf(comments, Math.max(end - 1, 0)).line, kind: kindOf(lexeme) },
    next: nextOf(reader, last, limit),
    isWide: lineEnd(text) === '\r\n',
  })
  for (const [index, each] of gap.entries()) {
    each.owner = owned[index] ?? 0
    // What is read in order cannot go back into a block.
    if (each.owner > (owned[index - 1] ?? each.owner)) found.kept = false
  }
}

function kindOf(lexeme: string): Gap['last']['kind'] {
  return lexeme === ':' ? 'colon' : /^[-&!]/.test(lexeme) ? 'dash' : 'content'
}

/** Behind the last comment of a document stands the block of SOPS, or will stand there. */
function nextOf({ comments, blocks, text, end }: Reader, last: Found, limit: number): Gap['next'] {
  if (limit === end) return { line: last.line + 1, column: blocks[0]?.column ?? 0, isDash: false }
  const { line } = placeOf(comments, limit)
  const start = comments.lines[line] ?? 0
  const column = text.slice(start, limit + 1).search(/[^ ]/)
  return { line, column, isDash: /-\s/.test(text.slice(start + column, start + column + 2)) }
}

import { branch, item, type Branch, type Comment, type Spot } from './document.ts'
import type { IniComment, IniScan } from './ini-scan.ts'

/** Where a comment stands that is one to SOPS, whatever lines it has. */
export interface CommentSpot extends Spot {
  /** Where the header or the value ends that it belongs to; null where there is none. */
  readonly ownerEnd: number | null
  /** Where a last line of it stands that is behind that header or value, mark and all; null where it has none. */
  readonly behind: Spot | null
  /**
   * `own`: it has lines of its own. `behind`: all of it stands behind a value. `header`: all of it stands behind a header, where it
   * cannot be encrypted, for the header would then end at its bracket; `start` and `end` are where a line for it can be put.
   */
  readonly kind: 'own' | 'behind' | 'header'
}

/**
 * In the text of a comment: a line that is empty, and at the end, with the blanks that were before it, one that stands behind a header
 * or a value. White space to SOPS, which crashes over a line that is really empty.
 */
const MARK = '\v'

/**
 * The tree that SOPS sees: a section's own comment is its first entry, a key's comment follows the key. Comments that nothing
 * follows are none to SOPS; here they come last.
 */
export function iniTree({ sections, trailing }: IniScan, text: string): Branch {
  const entries = sections.map((section) => {
    const keys = section.keys.flatMap((key) => [
      { ...item(key.name, key.value), at: { start: key.start, end: key.end } },
      ...commentOf(key.comments, { text, end: key.end, line: null }),
    ])
    const own = commentOf(section.comments, { text, end: section.headerEnd, line: section.start })
    return { ...item(section.name, branch(...own, ...keys)), at: { start: section.start, end: section.end } }
  })
  return branch(...entries, ...commentOf(trailing, { text, end: null, line: null }))
}

/** What a comment belongs to: where it ends, and where its line begins if it is a header. */
interface Owner {
  readonly text: string
  readonly end: number | null
  readonly line: number | null
}

/** What the lines above something, and the one behind it, are together: the first without its mark, the others with theirs. */
function commentOf(lines: readonly IniComment[], { text, end, line }: Owner): Comment[] {
  const [first] = lines
  const last = lines.at(-1)
  if (first === undefined || last === undefined || (first === last && first.text === '')) return []
  const above = lines.findLast((one) => !one.inline)
  const coded = above === undefined ? [] : codedLines(text.slice(first.start, above.end))
  const behindValue = above === undefined && line === null
  if (behindValue) coded.push(last.text)
  else if (last.inline) coded.push(last.raw + MARK + text.slice(end ?? last.from, last.from))
  // A first line that is empty is a problem of its own when another follows behind the value.
  if (coded.length > 1 && coded[0] === '') coded[0] = MARK
  const spot = {
    ...(above === undefined && line !== null ? { start: line, end: line } : { start: first.start, end: (above ?? first).end }),
    ownerEnd: end,
    behind: last.inline && !behindValue ? { start: last.from, end: last.end } : null,
    kind: behindValue ? 'behind' : above === undefined ? 'header' : 'own',
  } satisfies CommentSpot
  return [{ kind: 'comment', text: coded.join('\n'), inline: false, at: spot }]
}

function codedLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''))
  return lines.map((line) => (line === '' && lines.length > 1 ? MARK : line))
}

/** A comment as it goes into the file: the lines of its own, and what stands behind its header or value. */
export function commentParts({ text }: Pick<Comment, 'text'>): { above: string[] | null; behind: string | null } {
  const start = text.lastIndexOf('\n') + 1
  const last = marked(text.slice(start))
  const behind = last === null || last.line === '' ? null : last.blanks + last.line
  if (behind !== null && start === 0) return { above: null, behind }
  const above = (behind === null ? text : text.slice(0, start - 1)).split('\n').map((line, index) => {
    if (line === MARK) return ''
    return index === 0 || /^\s*(?:[#;]|$)/.test(line) ? line : `; ${line}`
  })
  return { above, behind }
}

/** The lines of a comment, without what only says how they stood. */
export function commentLines({ text }: Pick<Comment, 'text'>): string[] {
  return text.split('\n').map((line) => marked(line)?.line ?? line)
}

/** A line with a mark at its end, taken apart; null for any other. No pattern: one would try again at each mark of a hostile line. */
function marked(line: string): { line: string; blanks: string } | null {
  const at = line.lastIndexOf(MARK)
  const blanks = line.slice(at + 1)
  return at < 0 || blanks.trim() !== '' ? null : { line: line.slice(0, at), blanks }
}

/** Whether SOPS would crash over the comment if it stood in clear: its first line is empty, and another follows. */
export function crashes({ text }: Pick<Comment, 'text'>): boolean {
  return /^[\v ]*\n/.test(text)
}

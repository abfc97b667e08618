import { fault } from '../fault.ts'
import { comment, type Comment } from './document.ts'

/** A comment and where it stands. */
export interface Found {
  readonly offset: number
  readonly line: number
  /** From 0. */
  readonly column: number
  /** Nothing but blanks stands before it on its line. */
  readonly alone: boolean
  readonly text: string
  /** The lexeme before it that is neither a comment nor blank, and where that ends. */
  readonly behind: { readonly lexeme: string; readonly end: number }
  /** The block that it belongs to, where that is known: how many are around that one. */
  owner?: number
}

const CONTROL = new Set(['\u0002', '\u0018'])
const SCALAR = '\u001f'

/** The comments of a YAML text, handed out in order as the reader comes by. */
export interface Comments {
  readonly text: string
  readonly found: Found[]
  readonly lines: number[]
  next: number
}

/** How many brackets, or dashes on a line, may stand within each other. */
const MAX_DEPTH = 500
/** How many parts a file may have: ten for each of some hundred thousand values. The parser needs half a kilobyte for each. */
const MAX_PARTS = 2_000_000

/** Hears every lexeme of a text, in order. Throws `syntax` for a text that is made to exhaust whoever parses it. */
export type Listener = (lexeme: string) => void

/** The comments of a text, found as the listener hears its lexemes. */
export function newComments(text: string): { comments: Comments; hear: Listener } {
  const comments: Comments = { text, found: [], lines: [0], next: 0 }
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) comments.lines.push(at + 1)
  let offset = 0
  let previous = ''
  let behind = { lexeme: '', end: 0 }
  let [parts, brackets, dashes] = [0, 0, 0]
  return { comments, hear }

  function hear(lexeme: string): void {
    if (previous !== SCALAR) {
      if (lexeme === '[' || lexeme === '{') brackets += 1
      else if (lexeme === ']' || lexeme === '}') brackets -= 1
      else dashes = lexeme === '-' || lexeme === '?' ? dashes + 1 : lexeme === '\n' ? 0 : dashes
    }
    if (brackets > MAX_DEPTH || dashes > MAX_DEPTH) throw tooMuch('the nesting is too deep')
    if (++parts > MAX_PARTS) throw tooMuch('it has more parts than a person or a program would write')
    if (!CONTROL.has(lexeme) && lexeme !== SCALAR) {
      const isScalar = previous === SCALAR
      if (!isScalar && lexeme.startsWith('#')) add(comments, text, lexeme, offset, behind)
      else if (lexeme.trim() !== '') behind = { lexeme: isScalar ? SCALAR : lexeme, end: offset + lexeme.trimEnd().length }
      offset += lexeme.length
    }
    previous = lexeme
  }
}

function tooMuch(what: string): Error {
  return fault('syntax', `is not read: ${what}`, { hint: 'Take its last good version from Git, or use the binary format.' })
}

function add(comments: Comments, text: string, lexeme: string, offset: number, behind: Found['behind']): void {
  const { line, column } = placeOf(comments, offset)
  const alone = text.slice(offset - column, offset).trim() === ''
  comments.found.push({ offset, line, column, alone, text: lexeme.slice(1).replace(/\r$/, ''), behind })
}

/** Line and column of an offset, both from 0. */
export function placeOf(comments: Comments, offset: number): { line: number; column: number } {
  let [low, high] = [0, comments.lines.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((comments.lines[middle] ?? 0) <= offset) low = middle
    else high = middle
  }
  return { line: low, column: offset - (comments.lines[low] ?? 0) }
}

/** Those before an offset. */
export function commentsBefore(comments: Comments, offset: number): Comment[] {
  return take(comments, (found) => found.offset < offset, false)
}

/** What may stand between the end of something and a comment that is about it: never a value. */
const BETWEEN = /[\s,:]*(?:[!&|>]\S*\s*)*/y

/** The one on the line where something ended, behind it. */
export function commentBehind(comments: Comments, end: number, inline: boolean): Comment[] {
  const { line } = placeOf(comments, Math.max(end - 1, 0))
  const first = comments.next
  return take(comments, (found, index) => index === first && found.line === line && !found.alone && isBehind(comments, end, found), inline)
}

function isBehind({ text }: Comments, end: number, { offset }: Found): boolean {
  BETWEEN.lastIndex = end
  BETWEEN.exec(text)
  return BETWEEN.lastIndex >= offset
}

/** Those before an offset that belong to a block with so many others around it, or to one within. */
export function commentsOwned(comments: Comments, depth: number, offset: number): Comment[] {
  return take(comments, (found) => found.offset < offset && (found.owner ?? 0) >= depth, false)
}

/** Those that are next before an offset, with nothing but blanks between them. */
export function gapBefore(comments: Comments, offset: number): readonly Found[] {
  const gap: Found[] = []
  for (let at = comments.next; at < comments.found.length; at += 1) {
    const found = comments.found[at]
    if (found === undefined || found.offset >= offset || found.behind !== (gap[0] ?? found).behind) break
    gap.push(found)
  }
  return gap
}

function take(comments: Comments, wanted: (found: Found, index: number) => boolean, inline: boolean): Comment[] {
  const taken: Comment[] = []
  for (
    let found = comments.found[comments.next];
    found !== undefined && wanted(found, comments.next);
    found = comments.found[comments.next]
  ) {
    const start = found.offset + 1
    taken.push({ ...comment(found.text, inline), at: { start, end: start + found.text.length } })
    comments.next += 1
  }
  return taken
}

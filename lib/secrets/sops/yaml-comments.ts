import type { Lexer } from 'yaml'
import { comment, type Comment } from './document.ts'

/** A comment and where it stands. */
interface Found {
  readonly offset: number
  readonly line: number
  /** From 0. */
  readonly column: number
  /** Nothing but blanks stands before it on its line. */
  readonly alone: boolean
  readonly text: string
}

const CONTROL = new Set(['\u0002', '\u0018'])
const SCALAR = '\u001f'

/** The comments of a YAML text, handed out in order as the reader comes by. */
export class Comments {
  readonly #found: Found[] = []
  readonly #lines: number[] = [0]
  #next = 0

  constructor(text: string, lexer: Lexer) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#lines.push(at + 1)
    let offset = 0
    let before = ''
    for (const lexeme of lexer.lex(text)) {
      if (!CONTROL.has(lexeme) && lexeme !== SCALAR) {
        if (before !== SCALAR && lexeme.startsWith('#')) this.#add(text, lexeme, offset)
        offset += lexeme.length
      }
      before = lexeme
    }
  }

  #add(text: string, lexeme: string, offset: number): void {
    const { line, column } = this.place(offset)
    const alone = text.slice(offset - column, offset).trim() === ''
    this.#found.push({ offset, line, column, alone, text: lexeme.slice(1).replace(/\r$/, '') })
  }

  /** Line and column of an offset, both from 0. */
  place(offset: number): { line: number; column: number } {
    let [low, high] = [0, this.#lines.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((this.#lines[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return { line: low, column: offset - (this.#lines[low] ?? 0) }
  }

  /** Those before an offset. */
  before(offset: number): Comment[] {
    return this.#take((found) => found.offset < offset, false)
  }

  /** The one on the line where something ended, behind it. */
  behind(end: number, inline: boolean): Comment[] {
    const { line } = this.place(Math.max(end - 1, 0))
    const first = this.#next
    return this.#take((found, index) => index === first && found.line === line && !found.alone, inline)
  }

  /** Those before an offset that are further in than a column: they belong to what has just ended there. */
  furtherIn(column: number, offset: number): Comment[] {
    return this.#take((found) => found.alone && found.offset < offset && found.column > column, false)
  }

  #take(wanted: (found: Found, index: number) => boolean, inline: boolean): Comment[] {
    const taken: Comment[] = []
    for (let found = this.#found[this.#next]; found !== undefined && wanted(found, this.#next); found = this.#found[this.#next]) {
      taken.push(comment(found.text, inline))
      this.#next += 1
    }
    return taken
  }
}

/** A token of INI: what it says, where it stands, and whether what follows on its line was taken with it. */
export interface Token {
  readonly text: string
  readonly start: number
  readonly end: number
  /** Whether nothing more is to be read on its last line. */
  readonly isWhole: boolean
}

/** The rest of a sentence that begins with the line. */
export interface Wrong {
  readonly wrong: string
}

/** What Go takes for white space. */
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]'
const LEADING = new RegExp(`^${SPACE}+`)
const ONE = new RegExp(SPACE)
const DELIMITER = /[=:]/

/** How many characters of white space a text begins with. */
export function blanks(text: string): number {
  return LEADING.exec(text)?.[0].length ?? 0
}

/** Without white space at both ends. */
export function trim(text: string): string {
  return trimEnd(text.slice(blanks(text)))
}

/** Without white space at its end. */
export function trimEnd(text: string): string {
  // From behind: a pattern would try again at every blank of a long line.
  let end = text.length
  while (end > 0 && ONE.test(text[end - 1] ?? '')) end -= 1
  return text.slice(0, end)
}

/** Where the next line begins. */
export function lineEnd(text: string, from: number): number {
  const at = text.indexOf('\n', from)
  return at < 0 ? text.length : at + 1
}

/** The name that a line begins with, and where its value begins. */
export function iniKey(line: string): Token | Wrong {
  const quote = line.startsWith('"""') && line.length > 6 ? '"""' : /^["`]/.exec(line)?.[0]
  const start = quote?.length ?? 0
  const close = quote === undefined ? 0 : line.indexOf(quote, start)
  if (close < 0) return { wrong: 'has a key whose quote is not closed' }
  const found = line.slice(close + start).search(DELIMITER)
  if (found < 0) return { wrong: 'is no section, key or comment' }
  const end = close + start + found
  const text = trim(quote === undefined ? line.slice(0, end) : line.slice(start, close))
  if (text === '') return { wrong: 'has a key without a name' }
  if (quote !== undefined && trim(line.slice(close + start, end)) !== '') return { wrong: 'has text between a key and its value' }
  if (text === '-') return { wrong: 'has the key `-`, which SOPS would turn into a comment' }
  return { text, start: end + 1, end: end + 1, isWhole: false }
}

/** The value that stands at a place, up to `end`, where the next line begins, or over several lines. */
export function iniValue(text: string, from: number, end: number): Token | Wrong {
  const start = from + blanks(text.slice(from, end))
  if (start === end) return { text: '', start: from, end: from, isWhole: true }
  const line = text.slice(start, end)
  // SOPS takes three quotes and the end of the text for a value; with the block behind them they would be an open quote.
  const quote = line.startsWith('"""') ? '"""' : line.startsWith('`') ? '`' : null
  if (quote !== null) return quoted(text, { start, end, quote })
  const trimmed = trimEnd(line)
  if (trimmed.endsWith('\\')) return continued(text, start, end, trimmed)
  const comment = trimmed.search(/[#;]/)
  const value = comment < 0 ? trimmed : trimEnd(trimmed.slice(0, comment))
  if (value === '') return { text: '', start: from, end: from, isWhole: false }
  const surrounded = /^(["'])(.*)\1$/s.exec(value)
  const isQuoted = surrounded !== null && !surrounded[2]?.includes(surrounded[1] ?? '')
  return { text: isQuoted ? (surrounded[2] ?? '') : value, start, end: start + value.length, isWhole: false }
}

/** To the last quote of the line, or to the last of the first further line that has one. */
function quoted(text: string, { start, end, quote }: { start: number; end: number; quote: string }): Token | Wrong {
  const from = start + quote.length
  const close = text.slice(from, end).lastIndexOf(quote)
  if (close >= 0) return { text: text.slice(from, from + close), start, end: from + close + quote.length, isWhole: false }
  for (let at = end, next: number; at < text.length; at = next) {
    next = lineEnd(text, at)
    const line = text.slice(at, next)
    const last = line.lastIndexOf(quote)
    // A backslash at the end of the line takes the quote back.
    if (last < 0 || trim(line.slice(last + quote.length)).endsWith('\\')) continue
    return { text: text.slice(from, at + last), start, end: at + last + quote.length, isWhole: false }
  }
  return { wrong: 'has a value whose quote is not closed' }
}

/** A backslash at the end of a line takes the next one into the value; quotes and comments then mean nothing. */
function continued(text: string, start: number, end: number, first: string): Token {
  const parts = [first.slice(0, -1)]
  let last = start + first.length
  for (let at = end, isOpen = true; isOpen && at < text.length;) {
    const next = lineEnd(text, at)
    const line = trim(text.slice(at, next))
    if (line === '') break
    isOpen = line.endsWith('\\')
    parts.push(isOpen ? line.slice(0, -1) : line)
    last = at + blanks(text.slice(at, next)) + line.length
    at = next
  }
  return { text: parts.join(''), start, end: last, isWhole: true }
}

import type { NewValue } from './new-value.ts'

// Words that some reader of YAML, old or new, takes for something else than text.
const WORD = /^(?:true|false|yes|no|on|off|y|n|null|nan|inf)$/i
const PLAIN = /^[A-Za-z_][\w./@+-]*(?: [\w./@+-]+)*$/

/** Whether a text is one for every reader of YAML, also without quotes. */
export function isPlain(text: string): boolean {
  return text.length < 200 && PLAIN.test(text) && !WORD.test(text)
}

/** A text as a YAML scalar on one line. */
export function inlineText(text: string): string {
  if (isPlain(text)) return text
  // JSON's escapes are YAML's; these are allowed in JSON and not in YAML, or break a line there.
  return JSON.stringify(text.toWellFormed()).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** A value on one line, in flow style. */
export function inline(value: NewValue): string {
  if (value.kind === 'text') return inlineText(value.text)
  if (value.kind === 'word') return value.text
  if (value.kind === 'written') return value.text.trim()
  if (value.kind === 'list') return `[${value.items.map(inline).join(', ')}]`
  return `{${value.entries.map(([key, each]) => `${inlineText(key)}: ${inline(each)}`).join(', ')}}`
}

/**
 * A value in block style, as what stands behind `key:` or `-`, from the blank or line break on. `column` is where its lines
 * begin, `step` how many blanks each level adds. No line feed at the end.
 */
export function block(value: NewValue, column: number, step: number): string {
  if (value.kind === 'text' && isLiteral(value.text)) return ` ${literal(value.text, column)}`
  if (value.kind === 'written') return /^\s|^$/.test(value.text) ? value.text : ` ${value.text}`
  const lines =
    value.kind === 'map' ? mapLines(value.entries, column, step) : value.kind === 'list' ? listLines(value.items, column, step) : []
  return lines.length === 0 ? ` ${inline(value)}` : `\n${lines.map((line) => ' '.repeat(column) + line).join('\n')}`
}

/** The lines of a mapping without their indentation. */
export function mapLines(entries: readonly (readonly [string, NewValue])[], column: number, step: number): string[] {
  return entries.map(([key, value]) => `${inlineText(key)}:${block(value, column + step, step)}`)
}

/** The lines of a list without their indentation: a mapping with its first key behind the dash, a list in a list on one line. */
export function listLines(items: readonly NewValue[], column: number, step: number): string[] {
  return items.flatMap((item) => {
    if (item.kind === 'text' && isLiteral(item.text)) return [`- ${literal(item.text, column + 2)}`]
    if (item.kind !== 'map' || item.entries.length === 0) return [`- ${inline(item)}`]
    return mapLines(item.entries, column + 2, step).map((line, index) => (index === 0 ? `- ${line}` : `  ${line}`))
  })
}

/** Whether a text of several lines can stand as it is. */
function isLiteral(text: string): boolean {
  return (
    /^[^\s#][^\n]*\n/.test(text) &&
    /^[\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufdff]*$/.test(text) &&
    !/[ \t]\n|[ \t]$/.test(text) &&
    !text.endsWith('\n\n')
  )
}

function literal(text: string, column: number): string {
  const body = text.replace(/\n$/, '').replaceAll(/^(?=.)/gm, ' '.repeat(column))
  return `|${text.endsWith('\n') ? '' : '-'}\n${body}`
}

import { fault } from '../fault.ts'
import { isBranch, isComment, isList, isNumeral, isTime, type Branch, type List, type Value } from './document.ts'
import { spelling } from './number-text.ts'
import { jsonFloat } from './number.ts'

/** How JSON is laid out, one value a line. */
export interface JsonLayout {
  /** What a level is indented by: blanks or tabs. */
  readonly indent: string
  /** Whether `<`, `>`, `&` and line separators are escaped, as SOPS does. Every reader takes them unescaped. */
  readonly escapes: boolean
}

const DEFAULT: JsonLayout = { indent: '\t', escapes: false }
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** The object as JSON, with a line feed at the end. Comments are dropped. */
export function writeJson(map: Branch, layout = DEFAULT): string {
  return `${writeJsonValue(map, layout)}\n`
}

/** A value as JSON, whose further lines begin with `before`. Throws `shape` for a number that is none. */
export function writeJsonValue(value: Value, layout = DEFAULT, before = ''): string {
  if (isBranch(value) || isList(value)) return writeLines(value, layout, before)
  if (typeof value === 'string') return writeString(value, layout)
  if (Buffer.isBuffer(value)) return writeString(value.toString('utf8'), layout)
  if (typeof value === 'number') return jsonFloat(value) ?? unwritable()
  if (isTime(value)) return writeString(value.text, layout)
  if (!isNumeral(value)) return isComment(value) ? unwritable() : String(value)
  const own = spelling(value)
  return NUMBER.test(own) ? own : writeJsonValue(value.value, layout)
}

function writeLines(value: Branch | List, layout: JsonLayout, before: string): string {
  const inside = before + layout.indent
  const lines =
    value.kind === 'list'
      ? value.items.filter((entry) => !isComment(entry)).map((entry) => writeJsonValue(entry, layout, inside))
      : value.items.flatMap((entry) =>
          entry.kind === 'item' ? [`${writeString(entry.key, layout)}: ${writeJsonValue(entry.value, layout, inside)}`] : [],
        )
  const [opening, closing] = value.kind === 'list' ? '[]' : '{}'
  return lines.length === 0 ? `${opening}${closing}` : `${opening}\n${lines.map((line) => inside + line).join(',\n')}\n${before}${closing}`
}

function writeString(text: string, { escapes }: JsonLayout): string {
  const written = JSON.stringify(text.toWellFormed())
  if (!escapes) return written
  return written.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function unwritable(): never {
  throw fault('shape', 'holds a value that JSON has no way to write (an infinite number, or none)')
}

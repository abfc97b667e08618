import { fault } from '../fault.ts'
import { isBranch, isComment, isList, isTime, type Branch, type Item, type Value } from './document.ts'
import { isInt64, jsonFloat } from './number.ts'

const MAX_DEPTH = 500

/** The object that a JSON text holds. Order, duplicates and large integers stay. Throws `syntax`, with the place and nothing of the text. */
export function readJson(text: string): Branch {
  return readDocument({ text, at: 0 })
}

/** The object as JSON, as SOPS writes it: tabs, `<` `>` `&` escaped, a line feed at the end. Comments are dropped. */
export function writeJson(map: Branch): string {
  return `${writeBranch(map, '')}\n`
}

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const WORD = /true|false|null/y

/** A text and how far it has been read. */
interface Cursor {
  readonly text: string
  at: number
}

function readDocument(cursor: Cursor): Branch {
  skip(cursor)
  if (cursor.text[cursor.at] !== '{') failAt(cursor, 'an object was expected')
  const map = readObject(cursor, 0)
  skip(cursor)
  if (cursor.at < cursor.text.length) failAt(cursor, 'there is text behind the end')
  return map
}

function readValue(cursor: Cursor, depth: number): Value {
  if (depth > MAX_DEPTH) failAt(cursor, 'the nesting is too deep')
  skip(cursor)
  const first = cursor.text[cursor.at]
  if (first === '{') return readObject(cursor, depth)
  if (first === '[') return readArray(cursor, depth)
  if (first === '"') return readString(cursor)
  const word = take(cursor, WORD)?.[0]
  if (word !== undefined) return word === 'null' ? null : word === 'true'
  return readNumber(cursor)
}

function readObject(cursor: Cursor, depth: number): Branch {
  const items: Item[] = []
  cursor.at += 1
  if (closes(cursor, '}')) return { kind: 'branch', items }
  do {
    skip(cursor)
    const key = readString(cursor)
    skip(cursor)
    if (cursor.text[cursor.at] !== ':') failAt(cursor, 'a colon was expected')
    cursor.at += 1
    items.push({ kind: 'item', key, value: readValue(cursor, depth + 1) })
  } while (continues(cursor, '}'))
  return { kind: 'branch', items }
}

function readArray(cursor: Cursor, depth: number): Value {
  const items: Value[] = []
  cursor.at += 1
  if (closes(cursor, ']')) return { kind: 'list', items }
  do items.push(readValue(cursor, depth + 1))
  while (continues(cursor, ']'))
  return { kind: 'list', items }
}

function readString(cursor: Cursor): string {
  const { text, at } = cursor
  if (text[at] !== '"') failAt(cursor, 'a string was expected')
  let end = at + 1
  while (end < text.length && text[end] !== '"') end += text[end] === '\\' ? 2 : 1
  // No pattern: on a value of many megabytes its engine runs out of stack.
  try {
    const value = (JSON.parse(text.slice(at, end + 1)) as string).toWellFormed()
    cursor.at = end + 1
    return value
  } catch {
    return failAt(cursor, 'a string is not closed, or holds what JSON does not allow')
  }
}

function readNumber(cursor: Cursor): bigint | number {
  const start = cursor.at
  const match = take(cursor, NUMBER)
  if (match === null) failAt(cursor, 'a value was expected')
  const integer = match[1] === undefined && match[2] === undefined ? BigInt(match[0]) : null
  if (integer !== null && isInt64(integer)) return integer
  const float = Number(match[0])
  if (Number.isFinite(float)) return float
  cursor.at = start
  return failAt(cursor, 'the number is too large')
}

function closes(cursor: Cursor, bracket: string): boolean {
  skip(cursor)
  if (cursor.text[cursor.at] !== bracket) return false
  cursor.at += 1
  return true
}

function continues(cursor: Cursor, bracket: string): boolean {
  if (closes(cursor, bracket)) return false
  if (cursor.text[cursor.at] !== ',') failAt(cursor, 'a comma or a closing bracket was expected')
  cursor.at += 1
  return true
}

function skip(cursor: Cursor): void {
  take(cursor, SPACE)
}

function take(cursor: Cursor, pattern: RegExp): RegExpExecArray | null {
  pattern.lastIndex = cursor.at
  const match = pattern.exec(cursor.text)
  if (match !== null) cursor.at += match[0].length
  return match
}

function failAt(cursor: Cursor, what: string): never {
  const before = cursor.text.slice(0, cursor.at).split('\n')
  const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
  throw fault('syntax', `is not valid JSON: ${what} at ${place}`, { hint: 'Correct the file, or take its last good version from Git.' })
}

function writeValue(value: Value, indent: string): string {
  if (isBranch(value)) return writeBranch(value, indent)
  if (isList(value)) {
    const items = value.items.filter((entry) => !isComment(entry))
    return wrapped(
      '[',
      ']',
      items.map((entry) => writeValue(entry, `${indent}\t`)),
      indent,
    )
  }
  if (typeof value === 'string') return writeString(value)
  if (Buffer.isBuffer(value)) return writeString(value.toString('utf8'))
  if (typeof value === 'number') return jsonFloat(value) ?? unwritable()
  if (value !== null && typeof value === 'object') return isTime(value) ? writeString(value.text) : unwritable()
  return String(value)
}

function writeBranch(map: Branch, indent: string): string {
  const entries = map.items.filter((entry) => entry.kind === 'item')
  const lines = entries.map(({ key, value }) => `${writeString(key)}: ${writeValue(value, `${indent}\t`)}`)
  return wrapped('{', '}', lines, indent)
}

function wrapped(before: string, after: string, lines: readonly string[], indent: string): string {
  if (lines.length === 0) return before + after
  return `${before}\n${lines.map((line) => `${indent}\t${line}`).join(',\n')}\n${indent}${after}`
}

/** Go's escapes, so that the bytes are those of `sops --decrypt`. */
function writeString(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

function unwritable(): never {
  throw fault('plaintext', 'holds a value that JSON has no way to write (an infinite number, or none)')
}

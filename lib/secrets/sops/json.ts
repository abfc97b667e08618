import { fault } from '../fault.ts'
import type { Branch, Item, List, Numeral, Spot, Value } from './document.ts'
import { withSpelling } from './number-text.ts'
import { isInt64, jsonFloat } from './number.ts'

const MAX_DEPTH = 500

/** The object that a JSON text holds. Order, duplicates and large integers stay. Throws `syntax`, with the place and nothing of the text. */
export function readJson(text: string): Branch {
  return readDocument({ text, at: 0 })
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
  if (cursor.text[cursor.at] !== '{') refuseOther(cursor)
  const start = cursor.at
  const map = { ...readObject(cursor, 0), at: { start, end: cursor.at } }
  skip(cursor)
  if (cursor.at < cursor.text.length) failAt(cursor, 'there is text behind the end')
  return map
}

function refuseOther(cursor: Cursor): never {
  try {
    JSON.parse(cursor.text)
  } catch {
    failAt(cursor, 'an object was expected')
  }
  throw fault('syntax', 'is valid JSON, but no object: SOPS keeps the structure of objects only', {
    hint: 'Encrypt it as a whole, with --input-type binary, or put it into an object.',
  })
}

function readValue(cursor: Cursor, depth: number): Value {
  if (depth > MAX_DEPTH) failAt(cursor, 'the nesting is too deep')
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
    const keyAt = cursor.at
    const key = readString(cursor)
    skip(cursor)
    if (cursor.text[cursor.at] !== ':') failAt(cursor, 'a colon was expected')
    cursor.at += 1
    items.push({ kind: 'item', key, keyAt, ...readPlaced(cursor, depth + 1) })
  } while (continues(cursor, '}'))
  return { kind: 'branch', items }
}

function readArray(cursor: Cursor, depth: number): List {
  const items: Value[] = []
  const spots: Spot[] = []
  cursor.at += 1
  if (closes(cursor, ']')) return { kind: 'list', items }
  do {
    const { value, at } = readPlaced(cursor, depth + 1)
    items.push(value)
    spots.push(at)
  } while (continues(cursor, ']'))
  return { kind: 'list', items, spots }
}

function readPlaced(cursor: Cursor, depth: number): { value: Value; at: Spot } {
  skip(cursor)
  const start = cursor.at
  const value = readValue(cursor, depth)
  return { value, at: { start, end: cursor.at } }
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

function readNumber(cursor: Cursor): bigint | number | Numeral {
  const start = cursor.at
  const match = take(cursor, NUMBER)
  if (match === null) failAt(cursor, 'a value was expected')
  const integer = match[1] === undefined && match[2] === undefined ? BigInt(match[0]) : null
  if (integer !== null && isInt64(integer)) return withSpelling(integer, match[0], integer.toString())
  const float = Number(match[0])
  if (Number.isFinite(float)) return withSpelling(float, match[0], jsonFloat(float) ?? '')
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

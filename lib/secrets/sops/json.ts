import { fault } from '../fault.ts'
import { isBranch, isComment, isList, isTime, type Branch, type Item, type Value } from './document.ts'
import { isInt64, jsonFloat } from './number.ts'

const MAX_DEPTH = 500

/** The object that a JSON text holds. Order, duplicates and large integers stay. Throws `syntax`, with the place and nothing of the text. */
export function readJson(text: string): Branch {
  const reader = new JsonReader(text)
  return reader.document()
}

/** The object as JSON, as SOPS writes it: tabs, `<` `>` `&` escaped, a line feed at the end. Comments are dropped. */
export function writeJson(map: Branch): string {
  return `${writeBranch(map, '')}\n`
}

const SPACE = /[ \t\n\r]*/y
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y // oxlint-disable-line no-control-regex -- JSON forbids them
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const WORD = /true|false|null/y

class JsonReader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Branch {
    this.#skip()
    if (this.#text[this.#at] !== '{') this.#fail('an object was expected')
    const map = this.#object(0)
    this.#skip()
    if (this.#at < this.#text.length) this.#fail('there is text behind the end')
    return map
  }

  #value(depth: number): Value {
    if (depth > MAX_DEPTH) this.#fail('the nesting is too deep')
    this.#skip()
    const first = this.#text[this.#at]
    if (first === '{') return this.#object(depth)
    if (first === '[') return this.#array(depth)
    if (first === '"') return this.#string()
    const word = this.#take(WORD)?.[0]
    if (word !== undefined) return word === 'null' ? null : word === 'true'
    return this.#number()
  }

  #object(depth: number): Branch {
    const items: Item[] = []
    this.#at += 1
    if (this.#closes('}')) return { kind: 'branch', items }
    do {
      this.#skip()
      const key = this.#string()
      this.#skip()
      if (this.#text[this.#at] !== ':') this.#fail('a colon was expected')
      this.#at += 1
      items.push({ kind: 'item', key, value: this.#value(depth + 1) })
    } while (this.#continues('}'))
    return { kind: 'branch', items }
  }

  #array(depth: number): Value {
    const items: Value[] = []
    this.#at += 1
    if (this.#closes(']')) return { kind: 'list', items }
    do items.push(this.#value(depth + 1))
    while (this.#continues(']'))
    return { kind: 'list', items }
  }

  #string(): string {
    const match = this.#take(STRING)
    if (match === null) this.#fail('a string was expected')
    return (JSON.parse(match[0]) as string).toWellFormed()
  }

  #number(): bigint | number {
    const start = this.#at
    const match = this.#take(NUMBER)
    if (match === null) this.#fail('a value was expected')
    const integer = match[1] === undefined && match[2] === undefined ? BigInt(match[0]) : null
    if (integer !== null && isInt64(integer)) return integer
    const float = Number(match[0])
    if (Number.isFinite(float)) return float
    this.#at = start
    return this.#fail('the number is too large')
  }

  #closes(bracket: string): boolean {
    this.#skip()
    if (this.#text[this.#at] !== bracket) return false
    this.#at += 1
    return true
  }

  #continues(bracket: string): boolean {
    if (this.#closes(bracket)) return false
    if (this.#text[this.#at] !== ',') this.#fail('a comma or a closing bracket was expected')
    this.#at += 1
    return true
  }

  #skip(): void {
    this.#take(SPACE)
  }

  #take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match !== null) this.#at += match[0].length
    return match
  }

  #fail(what: string): never {
    const before = this.#text.slice(0, this.#at).split('\n')
    const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
    throw fault('syntax', `is not valid JSON: ${what} at ${place}`, { hint: 'Correct the file, or take its last good version from Git.' })
  }
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

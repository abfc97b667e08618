/**
 * The tree that SOPS sees in a file, whatever its format. Ordered, duplicates allowed, every key an ordinary key:
 * no plain object ever holds a document, for `__proto__` and `1` are keys like others and order is part of the MAC.
 */
export type Value = Leaf | Comment | Branch | List

/** A `bigint` is an integer of 64 bits, a `number` is a float, a `Buffer` is text that is not UTF-8. */
export type Leaf = string | Buffer | bigint | number | Numeral | boolean | Time | null

/** A number in other words than SOPS would use for it: `1.50`, `1e3`, `+7`. */
export interface Numeral {
  readonly kind: 'numeral'
  /** A `bigint` is an integer, a `number` is a float. */
  readonly value: bigint | number
  /** As it is encrypted; see `number-text.ts`. */
  readonly text: string
}

/** A point in time: RFC 3339 text, offset and fraction as they were. */
export interface Time {
  readonly kind: 'time'
  readonly text: string
  /** In fewer words than SOPS would use: `2020-01-01`, or `2020-01-01 10:00:00`. */
  readonly spelled?: 'date' | 'blank'
}

/**
 * Where the text of a value or a comment stands in the text it was read from: offsets in UTF-16 units, the end not
 * included. Each format adds what it needs to know to write another text there.
 */
export interface Spot {
  readonly start: number
  readonly end: number
}

/** One line of comment, without its `#`. `inline` when it stands behind a value on the same line. */
export interface Comment {
  readonly kind: 'comment'
  readonly text: string
  readonly inline: boolean
  /** Of the text behind the `#`. */
  readonly at?: Spot
}

/** A key and its value. */
export interface Item {
  readonly kind: 'item'
  readonly key: string
  value: Value
  /** Where the key begins. */
  readonly keyAt?: number
  /** Of the value; also of a mapping or a list. */
  readonly at?: Spot
}

/** A mapping, with the comments that stand between its items. */
export interface Branch {
  readonly kind: 'branch'
  readonly items: (Item | Comment)[]
  /** Of the whole mapping; only at the root of a document. */
  readonly at?: Spot
}

/** A sequence, with the comments that stand between its items. */
export interface List {
  readonly kind: 'list'
  readonly items: Value[]
  /** Of each item that is a value of its own, by its index in `items`. */
  readonly spots?: readonly (Spot | undefined)[]
}

/** A file: its documents, of which only YAML can have other than one. */
export type Documents = readonly Branch[]

/** Whether it is a comment. */
export function isComment(value: Value | Item): value is Comment {
  return isNode(value) && value.kind === 'comment'
}

/** Whether it is a mapping. */
export function isBranch(value: Value): value is Branch {
  return isNode(value) && value.kind === 'branch'
}

/** Whether it is a sequence. */
export function isList(value: Value): value is List {
  return isNode(value) && value.kind === 'list'
}

/** Whether it is a point in time. */
export function isTime(value: Value): value is Time {
  return isNode(value) && value.kind === 'time'
}

/** Whether it is a number in words of its own. */
export function isNumeral(value: Value): value is Numeral {
  return isNode(value) && value.kind === 'numeral'
}

function isNode(value: Value | Item): value is Time | Numeral | Comment | Branch | List | Item {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value)
}

/** A mapping of these. */
export function branch(...items: (Item | Comment)[]): Branch {
  return { kind: 'branch', items }
}

/** A sequence of these. */
export function list(...items: Value[]): List {
  return { kind: 'list', items }
}

/** A key and its value. */
export function item(key: string, value: Value): Item {
  return { kind: 'item', key, value }
}

/** A line of comment. */
export function comment(text: string, inline = false): Comment {
  return { kind: 'comment', text, inline }
}

/** The value of the first item with this key, or undefined. */
export function lookup(map: Branch, key: string): Value | undefined {
  for (const entry of map.items) if (entry.kind === 'item' && entry.key === key) return entry.value
  return undefined
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The bytes as text when they are UTF-8, and as they are when not. */
export function textOrBytes(bytes: Buffer): string | Buffer {
  try {
    return UTF8.decode(bytes)
  } catch {
    return Buffer.from(bytes)
  }
}

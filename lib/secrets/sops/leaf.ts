import { isNumeral, isTime, textOrBytes, type Comment, type Leaf } from './document.ts'
import { canonical, fromText } from './number-text.ts'
import { parseFloatText, parseIntText } from './number.ts'
import { timeFromText, timeToEncrypt } from './time.ts'

/** The name that stands behind `type:` in an encrypted value. */
export type LeafType = 'str' | 'int' | 'float' | 'bool' | 'time' | 'comment'

/** The type and the bytes of a value as SOPS hashes it; null for null, which is never hashed. */
export function serialise(value: Leaf | Comment): { type: LeafType; bytes: Buffer } | null {
  if (value === null) return null
  if (typeof value === 'string') return { type: 'str', bytes: Buffer.from(value, 'utf8') }
  if (Buffer.isBuffer(value)) return { type: 'str', bytes: value }
  if (typeof value === 'bigint') return { type: 'int', bytes: Buffer.from(canonical(value)) }
  if (typeof value === 'number') return { type: 'float', bytes: Buffer.from(canonical(value)) }
  if (isNumeral(value)) return serialise(value.value)
  // Title case: what the first SOPS, in Python, wrote.
  if (typeof value === 'boolean') return { type: 'bool', bytes: Buffer.from(value ? 'True' : 'False') }
  return { type: isTime(value) ? 'time' : 'comment', bytes: Buffer.from(value.text, 'utf8') }
}

/** The type and the bytes of a value as it is encrypted: those that are hashed, but for a number or a time in other words. */
export function toEncrypt(value: Leaf | Comment): { type: LeafType; bytes: Buffer } | null {
  const leaf = serialise(value)
  if (leaf !== null && isNumeral(value)) return { type: leaf.type, bytes: Buffer.from(value.text) }
  return leaf !== null && isTime(value) ? { type: leaf.type, bytes: Buffer.from(timeToEncrypt(value)) } : leaf
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** The value that decrypted bytes of a type mean, or null when the bytes are no such value. Never a null value. */
export function parseLeaf(type: string, bytes: Buffer): Exclude<Leaf, null> | Comment | null {
  const text = bytes.toString('utf8')
  switch (type) {
    case 'str':
      return textOrBytes(bytes)
    case 'int':
      return number(parseIntText(text), text)
    case 'float':
      return number(parseFloatText(text), text)
    case 'bool':
      return TRUE.has(text) ? true : FALSE.has(text) ? false : null
    case 'time':
      return timeFromText(text)
    case 'comment':
      return { kind: 'comment', text, inline: false }
    default:
      return null
  }
}

function number(value: bigint | number | null, text: string): Exclude<Leaf, null> | null {
  return value === null ? null : fromText(value, text)
}

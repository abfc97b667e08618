import type { Leaf } from './document.ts'
import { isInt64 } from './number.ts'
import { yamlTime } from './time.ts'

const WORDS: ReadonlyMap<string, Leaf> = new Map<string, Leaf>([
  ...['true', 'True', 'TRUE'].map((word) => [word, true] as const),
  ...['false', 'False', 'FALSE'].map((word) => [word, false] as const),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, null] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word) => [word, Infinity] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, -Infinity] as const),
])

const INTEGER = /^([+-]?)(?:0([xX])([0-9a-fA-F]+)|0([bB])([01]+)|0([oO]?)([0-7]+)|(0|[1-9]\d*))$/
const FLOAT = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/
const UINT64_MAX = 2n ** 64n - 1n

/** An integer that fits an unsigned word but no signed one: SOPS has no place for it. */
export const TOO_LARGE = Symbol('too large')

/**
 * What an unquoted, untagged scalar means to the YAML library that SOPS is built on. The MAC depends on it, and it is
 * neither YAML 1.1 nor 1.2: `0777` is 511, `1_000` is 1000, `yes` is text, `2020-01-01` is a time.
 */
export function resolvePlain(source: string): Leaf | typeof TOO_LARGE {
  const word = WORDS.get(source)
  if (word !== undefined) return word
  const first = source[0] ?? ''
  if (first === '.') return decimal(source) ?? source
  if (!/[0-9+-]/.test(first)) return source
  const time = yamlTime(source)
  if (time !== null) return time
  const plain = source.replaceAll('_', '')
  const value = integer(plain)
  if (value === null) return decimal(plain) ?? source
  if (isInt64(value)) return value
  if (value > 0n && value <= UINT64_MAX && !plain.startsWith('+')) return TOO_LARGE
  return decimal(plain) ?? source
}

function integer(plain: string): bigint | null {
  const match = INTEGER.exec(plain)
  if (match === null) return null
  const [, sign, hex, hexDigits, binary, binaryDigits, , octalDigits, decimalDigits] = match
  const digits = hex ? `0x${hexDigits}` : binary ? `0b${binaryDigits}` : octalDigits === undefined ? decimalDigits : `0o${octalDigits}`
  const value = BigInt(digits ?? '0')
  return sign === '-' ? -value : value
}

function decimal(plain: string): number | null {
  if (!FLOAT.test(plain)) return null
  const value = Number(plain)
  return Number.isFinite(value) ? value : null
}

const OLD_BOOL = /^(?:[yY]|[yY]es|YES|[oO]n|ON|[nN]|[nN]o|NO|[oO]ff|OFF)$/
const BASE_60 = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/

/** Whether the text, written without quotes, is read back as this text by every YAML library. */
export function staysText(text: string): boolean {
  return resolvePlain(text) === text && !OLD_BOOL.test(text) && !BASE_60.test(text)
}

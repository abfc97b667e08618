import type { NewValue } from './new-value.ts'
import { literalIn } from './toml-value.ts'

/** A key, quoted where it must be. */
export function keyText(key: string): string {
  return /^[\w-]+$/.test(key) ? key : quoted(key)
}

/** The keys of a header or a dotted key. */
export function dotted(keys: readonly string[]): string {
  return keys.map(keyText).join('.')
}

/** A value on one line. Null where TOML has no word for it. */
export function inline(value: NewValue): string | null {
  if (value.kind === 'text') return quoted(value.text)
  if (value.kind === 'written') return value.text
  if (value.kind === 'word') return value.text === 'null' ? null : value.text
  if (value.kind === 'list') {
    const items = value.items.map(inline)
    return literalIn(value.items) ?? (items.includes(null) ? null : `[${items.join(', ')}]`)
  }
  const entries = value.entries.map(([key, each]) => [keyText(key), inline(each)] as const)
  if (entries.some(([, each]) => each === null)) return null
  return entries.length === 0 ? '{}' : `{ ${entries.map(([key, each]) => `${key} = ${each}`).join(', ')} }`
}

/** A table with its header: what it holds, a line each, and the tables in it behind that. Null where TOML has no word for a value. */
export function section(
  keys: readonly string[],
  value: Extract<NewValue, { kind: 'map' }>,
  brackets: readonly [string, string],
): string[] | null {
  const lines = [`${brackets[0]}${dotted(keys)}${brackets[1]}`]
  const below: string[] = []
  for (const [key, each] of value.entries) {
    const inner = each.kind === 'map' ? section([...keys, key], each, ['[', ']']) : inline(each)
    if (inner === null) return null
    if (typeof inner === 'string') lines.push(`${keyText(key)} = ${inner}`)
    else below.push('', ...inner)
  }
  // A table that holds nothing but tables needs no header of its own.
  return lines.length === 1 && below.length > 0 && brackets[0] === '[' ? below.slice(1) : [...lines, ...below]
}

function quoted(text: string): string {
  return JSON.stringify(text.toWellFormed()).replaceAll('\u007f', '\\u007f')
}

import type { NewValue } from './new-value.ts'

/** A value over several lines; `indent` is that of the line it begins on. */
export function pretty(value: NewValue, step: string, indent: string): string {
  const lines =
    value.kind === 'map'
      ? value.entries.map(([key, each]) => `${JSON.stringify(key)}: ${pretty(each, step, indent + step)}`)
      : value.kind === 'list'
        ? value.items.map((item) => pretty(item, step, indent + step))
        : []
  if (lines.length === 0) return compact(value, false)
  const [before, after] = value.kind === 'map' ? '{}' : '[]'
  return `${before}\n${lines.map((line) => indent + step + line).join(',\n')}\n${indent}${after}`
}

/** A value on one line; `tight` without blanks. */
export function compact(value: NewValue, tight: boolean): string {
  if (value.kind === 'text') return JSON.stringify(value.text)
  if (value.kind === 'word' || value.kind === 'written') return value.text
  const [comma, colon] = tight ? [',', ':'] : [', ', ': ']
  if (value.kind === 'list') return `[${value.items.map((item) => compact(item, tight)).join(comma)}]`
  return `{${value.entries.map(([key, each]) => `${JSON.stringify(key)}${colon}${compact(each, tight)}`).join(comma)}}`
}

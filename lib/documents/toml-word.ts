import type { Json } from '../model/json.ts'

const MARK = '\u0000'

/** What TOML has and JSON has not, a date or an infinite number, as a list of one text, which no document holds otherwise. */
export function asWord(text: string): Json {
  return [MARK + text]
}

/** The text of such a word; null for any other list. */
export function wordIn(items: readonly unknown[]): string | null {
  const [only, ...more] = items
  return more.length === 0 && typeof only === 'string' && only.startsWith(MARK) ? only.slice(1) : null
}

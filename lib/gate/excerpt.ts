import { printable } from '../model/errors.ts'

/** A line of a file as it is shown below a finding, on a line of its own, and where in it the finding is. */
export interface Excerpt {
  readonly text: string
  /** From 0; null when it is the whole line. */
  readonly caret: number | null
}

/** Characters of a line that are shown. */
const WIDTH = 100
/** What is assigned to something that sounds like a secret, and what looks like a token wherever it stands. */
const ASSIGNED = /((?:pass(?:word|wd|phrase)?|secret|token|credential|auth\w*|key)s?["']?\s*[:=]\s*).+/gi
const TOKEN = /[A-Za-z0-9+/_=-]{16,}/g

/** One line of a text, cut around a column, without what could be a secret and without what a terminal would obey. Null where there is no such line. */
export function excerptOf(text: string, line: number, column: number | null): Excerpt | null {
  const whole = text.split('\n', line)[line - 1]
  if (whole === undefined) return null
  const masked = whole
    .replace(/\r$/, '')
    .replace(ASSIGNED, (all: string, name: string) => name + '*'.repeat(all.length - name.length))
    .replace(TOKEN, (token) => (/\d/.test(token) && /[A-Za-z]/.test(token) ? '*'.repeat(token.length) : token))
  const at = column === null ? null : Math.min(column - 1, masked.length)
  const from = Math.max(0, (at ?? 0) - WIDTH / 2)
  const [before, behind] = [from === 0 ? '' : '…', from + WIDTH < masked.length ? '…' : '']
  const shown = masked.slice(from, from + WIDTH)
  const plain = (part: string): string => printable(part.replaceAll('\t', ' '))
  return { text: before + plain(shown) + behind, caret: at === null ? null : before.length + plain(shown.slice(0, at - from)).length }
}

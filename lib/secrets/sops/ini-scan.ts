import { fault } from '../fault.ts'
import { blanks, iniKey, iniValue, lineEnd, trim, trimEnd, type Token, type Wrong } from './ini-token.ts'

/** One line of comment, or what stands behind a section or a value. `start` and `end` span its text, in UTF-16 units. */
export interface IniComment {
  /** With its `#` or `;`. */
  readonly raw: string
  /** Where that begins. */
  readonly from: number
  /** Whether it has no line of its own. */
  readonly inline: boolean
  /** Without it, and without the blanks behind it. */
  readonly text: string
  readonly start: number
  readonly end: number
}

/** A key. `start` and `end` span its value, quotes and all. */
export interface IniKey {
  readonly name: string
  readonly value: string
  readonly start: number
  readonly end: number
  /** Those above it, and the one behind its value. */
  readonly comments: readonly IniComment[]
}

/** A section, or the part before the first header. */
export interface IniSection {
  readonly name: string
  /** Where its header's line begins, where the header ends, and where the line after its last key begins. */
  readonly start: number
  readonly headerEnd: number
  end: number
  readonly comments: readonly IniComment[]
  readonly keys: IniKey[]
}

/** An INI text taken apart. */
export interface IniScan {
  /** The first is `DEFAULT`, which needs no header. */
  readonly sections: readonly IniSection[]
  /** Comments that nothing follows. SOPS drops these. */
  readonly trailing: readonly IniComment[]
}

/** The section of the keys that stand before any header. */
export const DEFAULT_SECTION = 'DEFAULT'

/** A line that means something, its line feed included. */
interface Line {
  readonly text: string
  /** Where it begins, and where that what is not blank begins. */
  readonly at: number
  readonly start: number
  readonly end: number
  readonly number: number
}

/**
 * Sections, keys and comments of an INI text as the parser in SOPS finds them. Throws `syntax` with the number of a line that is
 * none, or that holds what SOPS would drop.
 */
export function scanIni(text: string): IniScan {
  const sections: IniSection[] = [{ name: DEFAULT_SECTION, start: 0, headerEnd: 0, end: 0, comments: [], keys: [] }]
  let pending: IniComment[] = []
  let number = 0
  for (let at = text.startsWith('\uFEFF') ? 1 : 0, end: number; at < text.length; at = end) {
    end = lineEnd(text, at)
    number += 1
    const line: Line = { text, at, start: at + blanks(text.slice(at, end)), end, number }
    const first = text[line.start] ?? ''
    if (line.start === end) continue
    if (first === '#' || first === ';') {
      pending.push(commentAt(text, line.start, end, false))
      continue
    }
    if (first === '[') sections.push(sectionAt(line, pending))
    else {
      const { key, next } = keyAt(line, pending)
      number += next === end ? 0 : text.slice(end, next).split('\n').length - 1
      end = next
      sections.at(-1)?.keys.push(key)
    }
    extend(sections, end)
    pending = []
  }
  return { sections, trailing: pending }
}

function extend(sections: readonly IniSection[], end: number): void {
  const last = sections.at(-1)
  if (last !== undefined) last.end = end
}

function sectionAt(line: Line, above: readonly IniComment[]): IniSection {
  const header = line.text.slice(line.start, line.end)
  const close = header.lastIndexOf(']')
  if (close < 0) throw notIni(line, 'opens a section and does not close it')
  if (close === 1) throw notIni(line, 'is a section without a name')
  const headerEnd = line.start + close + 1
  const comments = [...above, ...commentBehind(line, headerEnd, line.end)]
  return { name: header.slice(1, close), start: line.at, headerEnd, end: line.end, comments, keys: [] }
}

function keyAt(line: Line, above: readonly IniComment[]): { key: IniKey; next: number } {
  const { text, start, end } = line
  const name = sound(line, iniKey(text.slice(start, end)))
  const value = sound(line, iniValue(text, start + name.end, end))
  const next = value.end > end ? lineEnd(text, value.end - 1) : end
  const behind = value.isWhole ? [] : commentBehind(line, value.end, next)
  return { key: { name: name.text, value: value.text, start: value.start, end: value.end, comments: [...above, ...behind] }, next }
}

function sound(line: Line, token: Token | Wrong): Token {
  if ('wrong' in token) throw notIni(line, token.wrong)
  return token
}

/** Behind a value or a header there can be a comment: anything else SOPS would drop. */
function commentBehind(line: Line, from: number, end: number): IniComment[] {
  const rest = line.text.slice(from, end)
  if (trim(rest) === '') return []
  const start = from + blanks(rest)
  if (!'#;'.includes(line.text[start] ?? '')) throw notIni(line, 'has text behind its end, which SOPS would drop')
  return [commentAt(line.text, start, end, true)]
}

function commentAt(text: string, from: number, end: number, inline: boolean): IniComment {
  const raw = trimEnd(text.slice(from, end))
  const skipped = (raw.startsWith('#') ? /^[# ]+/ : /^[; ]+/).exec(raw)?.[0].length ?? 0
  return { raw, from, inline, text: raw.slice(skipped), start: from + skipped, end: from + raw.length }
}

function notIni(line: Line, what: string): Error {
  return fault('syntax', `is not INI that SOPS can keep: line ${line.number} ${what}`, { hint: 'Correct the line.' })
}

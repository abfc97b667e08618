import { fault } from '../fault.ts'
import { branch, type Branch, type Comment, type Item } from './document.ts'
import { flatText, unwritable } from './flat-text.ts'

/**
 * The lines of a dotenv text as SOPS takes them: nothing is trimmed, no quote means anything, a carriage return belongs to the
 * value, and every value is text. Empty lines are passed over. Throws `syntax` with the number of a line that is none.
 */
export function readDotenv(text: string): Branch {
  const entries: (Item | Comment)[] = []
  let number = 0
  for (let start = 0, end: number; start < text.length; start = end + 1) {
    end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    number += 1
    if (end > start) entries.push(readLine(text, start, end, number))
  }
  return branch(...entries)
}

function readLine(text: string, start: number, end: number, number: number): Item | Comment {
  const line = text.slice(start, end)
  if (line.startsWith('#')) return { kind: 'comment', text: line.slice(1), inline: false, at: { start: start + 1, end } }
  const equals = line.indexOf('=')
  if (equals < 0) throw noAssignment(line, number)
  // The two characters `\n` are how a line feed is written; SOPS knows no other escape, and not how to escape this one.
  const value = line.slice(equals + 1).replaceAll('\\n', '\n')
  return { kind: 'item', key: line.slice(0, equals), value, keyAt: start, at: { start: start + equals + 1, end } }
}

/** The items and comments as dotenv, as SOPS writes it. Throws `shape` for what a line cannot hold. */
export function writeDotenv(map: Branch): string {
  return map.items.map((entry) => (entry.kind === 'comment' ? `#${commentToken(entry.text)}\n` : writeItem(entry))).join('')
}

/** A text as it stands behind `=`. */
export function valueToken(text: string): string {
  return text.replaceAll('\n', '\\n')
}

/** A text as it stands behind `#`. A comment of INI may have several lines. */
export function commentToken(text: string): string {
  return text.replaceAll('\n', '\n#')
}

function writeItem({ key, value }: Item): string {
  const name = JSON.stringify(key)
  if (/^#|[=\n]/.test(key)) throw unwritable(`the key ${name}`, 'has characters that a name there cannot have', 'dotenv')
  return `${key}=${valueToken(flatText(value, `the value at ${name}`, 'dotenv'))}\n`
}

function noAssignment(line: string, number: number): Error {
  const what = line === '\r' ? 'holds a carriage return and nothing else' : 'has no `=` and does not start with `#`'
  return fault('syntax', `is not dotenv: line ${number} ${what}`, {
    hint: line === '\r' ? 'SOPS takes no empty lines with CRLF: remove them, or save the file with LF.' : 'Correct the line.',
  })
}

import { keyOf, type Pointer } from '../../model/pointer.ts'
import { fault } from '../fault.ts'
import { branch, item } from './document.ts'
import { readDotenv, valueToken, writeDotenv } from './dotenv.ts'
import { DEFAULT_SECTION, scanIni, type IniKey } from './ini-scan.ts'
import { lineEnd } from './ini-token.ts'
import { iniToken } from './ini-write.ts'

/** The text after an edit, or the step of the pointer, from 0, that leads nowhere. */
type SetResult = { readonly text: string } | { readonly depth: number }

/**
 * A dotenv or INI text with the value at a place set, or with null removed; every other line stays as it is. Throws `shape`
 * for what the format cannot hold.
 */
export function setFlat(text: string, format: 'dotenv' | 'ini', pointer: Pointer, value: string | null): SetResult {
  const steps = pointer.map(keyOf)
  const [first, second] = steps
  if (first === undefined) return { depth: 0 }
  if (format === 'dotenv') return steps.length > 1 ? { depth: 1 } : setDotenv(text, first, value)
  if (steps.length > 2 || (steps.length === 2 && second === undefined)) return { depth: Math.min(steps.length, 2) - 1 }
  return second === undefined ? withoutSection(text, first, value) : setIni(text, first, second, value)
}

function setDotenv(text: string, key: string, value: string | null): SetResult {
  const found = readDotenv(text).items.find((entry) => entry.kind === 'item' && entry.key === key)
  if (found?.kind === 'item' && found.at !== undefined) {
    const { start, end } = found.at
    return { text: value === null ? withoutLines(text, start, end) : text.slice(0, start) + valueToken(value) + text.slice(end) }
  }
  return value === null ? { depth: 0 } : { text: appended(text, writeDotenv(branch(item(key, value)))) }
}

function setIni(text: string, section: string, key: string, value: string | null): SetResult {
  const sections = scanIni(text).sections.filter(({ name }) => name === section)
  const found = sections.flatMap(({ keys }) => keys).find(({ name }) => name === key)
  if (value === null)
    return found === undefined ? { depth: sections.length === 0 ? 0 : 1 } : { text: withoutLines(text, found.start, found.end) }
  const token = iniToken(value, `the value at ${JSON.stringify(key)}`)
  const last = sections.at(-1)
  const feed = /\r?\n/.exec(text)?.[0] ?? '\n'
  const line = `${key} = ${token}${feed}`
  const result =
    found !== undefined
      ? text.slice(0, found.start) + (found.start === found.end ? ` ${token}` : token) + text.slice(found.end)
      : last === undefined
        ? appended(text, `${text === '' ? '' : feed}[${section}]${feed}${line}`)
        : appended(text.slice(0, last.end), line) + text.slice(last.end)
  // What makes a name of a section or a key is for the parser to say.
  if (valueIn(result, section, key) !== value)
    throw fault('shape', `cannot have the key ${JSON.stringify(key)} in the section ${JSON.stringify(section)}: INI has no way to write it`)
  return { text: result }
}

/** Only an empty place can be a section's: what is in one is set key by key. */
function withoutSection(text: string, name: string, value: string | null): SetResult {
  const found = scanIni(text).sections.find((section) => section.name === name && name !== DEFAULT_SECTION)
  if (found === undefined || value !== null) return { depth: value === null ? 0 : 1 }
  return { text: text.slice(0, found.start) + text.slice(found.end) }
}

function valueIn(text: string, section: string, key: string): string | undefined {
  const keys: readonly IniKey[] = scanIni(text)
    .sections.filter(({ name }) => name === section)
    .flatMap((each) => each.keys)
  return keys.find(({ name }) => name === key)?.value
}

function withoutLines(text: string, start: number, end: number): string {
  return text.slice(0, text.lastIndexOf('\n', start - 1) + 1) + text.slice(lineEnd(text, end))
}

function appended(text: string, lines: string): string {
  return text + (text === '' || text.endsWith('\n') ? '' : '\n') + lines
}

import { isBranch, isComment, type Branch, type Value } from './document.ts'
import { flatText, unwritable } from './flat-text.ts'
import { commentLines } from './ini.ts'
import { DEFAULT_SECTION, scanIni } from './ini-scan.ts'
import { trim } from './ini-token.ts'

/** Sections of keys as INI, as SOPS writes it: aligned, comments above what they belong to. Throws `shape` for what INI cannot hold. */
export function writeIni(map: Branch): string {
  const sections = map.items.flatMap((entry) => (entry.kind === 'item' ? [sectionOf(entry.key, entry.value)] : []))
  return sections.map((section, index) => writeSection(section, { isFirst: index === 0, isLast: index === sections.length - 1 })).join('')
}

/**
 * A value's text as it stands behind `=`, in these quotes if they can hold it, else in such as SOPS would use, else in any that
 * can. Throws `shape` when none can; `what` names the value.
 */
export function iniToken(text: string, what: string, quote?: string): string {
  if ((quote === undefined || quote === '') && PLAIN.test(text)) return text
  const styles = [text, `"${text}"`, `'${text}'`, `\`${text}\``, `"""${text}"""`]
  const usual = /[\n`]/.test(text) ? 4 : /[#;]/.test(text) ? 3 : trim(text) === text ? 0 : 1
  const wanted = quote === undefined ? [] : [quote + text + quote]
  const token = [...wanted, styles[usual] ?? text, ...styles].find((style) => valueOf(style) === text)
  if (token === undefined) throw unwritable(what, 'has quotes or line feeds that no quotes of INI can hold', 'INI')
  return token
}

interface Key {
  readonly name: string
  readonly value: string
  comment: string
}

interface Section {
  readonly name: string
  readonly comment: string
  readonly keys: readonly Key[]
}

/** What means itself without quotes. `ENC[…]` does. */
const PLAIN = /^(?:[\w+\-./@%!~^&*(){}|<>?,[\]=:]+(?: [\w+\-./@%!~^&*(){}|<>?,[\]=:]+)*)?$/
const PLAIN_NAME = /^\w[\w.-]*(?: [\w.-]+)*$/

function sectionOf(name: string, value: Value): Section {
  const where = JSON.stringify(name)
  if (!isBranch(value)) throw unwritable(`the value at ${where}`, 'stands in no section', 'INI')
  if (!PLAIN_NAME.test(name) && !isSection(name)) throw unwritable(`the section ${where}`, 'has a name that INI cannot hold', 'INI')
  const keys = new Map<string, Key>()
  let last: Key | undefined
  let comment = ''
  value.items.forEach((entry, index) => {
    if (entry.kind === 'comment') {
      // One above the first key is the section's; any other belongs to the key before it, and only the last of them stays.
      if (last !== undefined) last.comment = entry.text
      else if (index === 0) comment = entry.text
      return
    }
    const what = `the value at ${where}.${JSON.stringify(entry.key)}`
    if (keys.has(entry.key)) throw unwritable(what, 'has a key that is there twice', 'INI')
    last = {
      name: entry.key,
      value: iniToken(isComment(entry.value) ? entry.value.text : flatText(entry.value, what, 'INI'), what),
      comment: '',
    }
    keys.set(entry.key, last)
  })
  return { name, comment, keys: [...keys.values()] }
}

function writeSection({ name, comment, keys }: Section, { isFirst, isLast }: { isFirst: boolean; isLast: boolean }): string {
  const lines = written(comment, (line) => line)
  const hasHeader = !isFirst || name.toUpperCase() !== DEFAULT_SECTION
  if (hasHeader) lines.push(`[${name}]`)
  else if (keys.length === 0) return lines.map((line) => `${line}\n`).join('')
  const width = Math.max(0, ...keys.map((key) => widthOf(key.name)))
  for (const key of keys) {
    const label = keyToken(key.name)
    const pad = ' '.repeat(Math.max(0, width - Buffer.byteLength(label)))
    lines.push(...written(key.comment, trim), `${label}${pad} = ${key.value}`)
  }
  if (!isLast) lines.push('')
  return lines.map((line) => `${line}\n`).join('')
}

/** The first line has lost its mark on reading, the others have kept theirs. */
function written(comment: string, tidy: (line: string) => string): string[] {
  const lines = commentLines({ text: comment })
  const from = lines.findIndex((line) => trim(line) !== '')
  // Readers of SOPS' own fall over an empty line at the beginning.
  return lines
    .slice(from < 0 ? lines.length : from)
    .map((line) => (/^[#;]/.test(line) ? `${line.slice(0, 1)} ${trim(line.slice(1))}` : `; ${tidy(line)}`))
}

/** The room that SOPS gives a key when it aligns: in bytes, and with the quotes that it would use. */
function widthOf(name: string): number {
  return Buffer.byteLength(name) + (/["=:]/.test(name) ? 2 : name.includes('`') ? 6 : 0)
}

function keyToken(name: string): string {
  if (PLAIN_NAME.test(name)) return name
  const styles = [name, `\`${name}\``, `"""${name}"""`, `"${name}"`]
  const preferred = /["=:]/.test(name) ? 1 : name.includes('`') ? 2 : 0
  const token = [styles[preferred] ?? name, ...styles].find((style) => isKey(style, name))
  if (token === undefined) throw unwritable(`the key ${JSON.stringify(name)}`, 'has a name that INI cannot hold', 'INI')
  return token
}

/** What is written is read again, so that nothing is written that means something else. */
function valueOf(token: string): string | null {
  const [key] = only(`k = ${token}\n`)?.keys ?? []
  return key?.comments.length === 0 ? key.value : null
}

function isKey(token: string, name: string): boolean {
  return only(`${token} = v\n`)?.keys[0]?.name === name
}

function isSection(name: string): boolean {
  try {
    const { sections } = scanIni(`[${name}]\nk = v\n`)
    return sections.length === 2 && sections[1]?.name === name && sections[1].keys.length === 1
  } catch {
    return false
  }
}

/** The only section of a text that has one key and nothing more. */
function only(text: string): ReturnType<typeof scanIni>['sections'][number] | null {
  try {
    const { sections, trailing } = scanIni(text)
    const [section] = sections
    return sections.length === 1 && trailing.length === 0 && section?.keys.length === 1 ? section : null
  } catch {
    return null
  }
}

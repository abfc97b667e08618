import { isBranch, isComment, isList, type Documents, type Item, type Value } from './document.ts'
import { applyEdits, type Edit } from './format.ts'
import type { Selector } from './rules.ts'
import { sameValues } from './same-values.ts'
import { walk } from './walk.ts'
import { revealScalar } from './yaml-edit.ts'
import { textNode } from './yaml-nodes.ts'
import { readYamlSource } from './yaml-read.ts'
import type { AliasSpot, YamlSource } from './yaml-spot.ts'
import { chooseStyle, doubleQuoted } from './yaml-style.ts'
import { clearToken } from './yaml-token.ts'
import { DEFAULT_STEP } from './yaml-write.ts'

/** A key on one line that is longer is no key to some readers, unless it stands behind a `?`. */
const SIMPLE_KEY_LENGTH = 1000

/**
 * The text with a copy of what it stands for in the place of each alias: a collection between brackets and without its comments. The source itself
 * where that would say something else, or where a comment that is not copied decides whether a value is encrypted.
 */
export async function withCopies(source: YamlSource, isSelected: Selector): Promise<YamlSource> {
  if (source.aliases.length === 0) return source
  const text = applyEdits(
    source.text,
    source.aliases.flatMap((alias) => copyEdits(source, alias)),
  )
  const read = await readYamlSource(text).catch(() => null)
  if (read?.kept !== true || !sameValues(read.documents, source.documents)) return source
  if (selection(read.documents, isSelected) !== selection(source.documents, isSelected)) return source
  return source.mark === undefined ? read : { ...read, mark: source.mark }
}

/** Which values are encrypted, in order. */
function selection(documents: Documents, isSelected: Selector): string {
  const flags: string[] = []
  walk(documents, (value, place) => {
    if (!isComment(value)) flags.push(isSelected(place) ? '1' : '0')
    return value
  })
  return flags.join('')
}

function copyEdits(source: YamlSource, { at, value }: AliasSpot): Edit[] {
  // A block that keeps its empty lines would take those below it for its own, and one at the end of the text may miss its line feed.
  const isBlock = typeof value === 'string' && value.includes('\n') && !/(?:^|\n)\n$/.test(value) && source.text.includes('\n', at.end)
  if (isBlock && !at.flow) return revealScalar(source, { at, clear: value, encrypted: '' })
  return [{ start: at.start, end: at.end, text: copyOf(value) }]
}

/** A value on one line. */
function copyOf(value: Value): string {
  if (value === null) return 'null'
  if (isBranch(value)) return `{${value.items.flatMap((entry) => (isComment(entry) ? [] : [copyOfItem(entry)])).join(', ')}}`
  if (isList(value)) return `[${value.items.flatMap((entry) => (isComment(entry) ? [] : [copyOf(entry)])).join(', ')}]`
  const { head } = clearToken(value, { flow: true, column: 0, inList: false }, { style: 'plain' }, DEFAULT_STEP)
  return head === value && isUnclear(head) ? `"${doubleQuoted(head)}"` : head
}

function copyOfItem({ key, value }: Item): string {
  const written = copyOfKey(key)
  return `${written.length > SIMPLE_KEY_LENGTH ? '? ' : ''}${written}: ${copyOf(value)}`
}

function copyOfKey(text: string): string {
  // The tag of a merge goes without saying.
  if (text === '<<') return text
  const style = chooseStyle(textNode(text), true)
  if (style === 'single') return `'${text.replaceAll("'", "''")}'`
  return style === 'plain' && !isUnclear(text) ? text : `"${doubleQuoted(text)}"`
}

/** Whether a text has what means something between brackets to one reader or another. */
function isUnclear(text: string): boolean {
  return /[,[\]{}?:]/.test(text)
}

import {
  branch,
  comment,
  isBranch,
  isComment,
  isNumeral,
  isTime,
  item,
  type Branch,
  type Comment,
  type Documents,
  type Item,
} from './document.ts'
import { flatText, unwritable } from './flat-text.ts'
import type { Source } from './format.ts'
import { commentLines } from './ini.ts'
import type { Selector } from './rules.ts'
import { FORMAT_NAMES, type SopsFormat } from './file-format.ts'
import { walk } from './walk.ts'

/**
 * Documents of one format as another can write them. Comments that are one in INI are as many as their lines elsewhere. Throws
 * `shape` for several documents, which only YAML can hold, and for keys that are there twice, which YAML cannot; what else a format cannot hold its writer refuses.
 * Numbers and times are spelled as SOPS does: what one format takes for a number may be text in another.
 */
export function convert(documents: Documents, from: SopsFormat, to: SopsFormat): Documents {
  if (from === to) return documents
  if (to !== 'yaml' && documents.length !== 1)
    throw unwritable(`there are ${documents.length} documents`, 'and it holds exactly one', FORMAT_NAMES[to])
  if (to === 'yaml') for (const document of documents) refuseTwice(document, [])
  const usual = walk(documents, (value) => (isNumeral(value) ? value.value : isTime(value) ? { kind: 'time', text: value.text } : value))
  return from === 'ini' ? usual.map(splitComments) : usual
}

/** A file in clear that is to be encrypted in another format than it is written in. Throws `shape`. */
export function convertSource(source: Source, from: SopsFormat, to: SopsFormat, isSelected: Selector): Source {
  if (from === to) return source
  return { text: '', documents: asWritten(convert(source.documents, from, to), to, isSelected), kept: false }
}

/**
 * What stands in clear as the other format reads it again, so that the MAC is over what will be read: `true` is text in dotenv.
 * What is encrypted keeps its type in every format. SOPS does not do this, and refuses some files that it has converted itself.
 */
function asWritten(documents: Documents, to: SopsFormat, isSelected: Selector): Branch[] {
  return walk(documents, (value, place) => {
    if (isComment(value) || isSelected(place)) return value
    const what = `the value at ${place.path.map((name) => JSON.stringify(name)).join('.')}`
    if (to === 'dotenv') return flatText(value, what, FORMAT_NAMES[to]).replaceAll('\\n', '\n')
    if (to === 'ini') return flatText(value, what, FORMAT_NAMES[to])
    if (Buffer.isBuffer(value) && to !== 'yaml') throw unwritable(what, 'is not text in UTF-8', FORMAT_NAMES[to])
    // `-0` is an integer to who reads it.
    return Object.is(value, -0) ? 0n : value
  })
}

/** Every reader of YAML refuses a key that is there twice. */
function refuseTwice(map: Branch, path: readonly string[]): void {
  const seen = new Set<string>()
  for (const entry of map.items) {
    if (entry.kind === 'comment') continue
    const inside = [...path, entry.key]
    if (seen.has(entry.key)) throw unwritable(`the key ${inside.map((name) => JSON.stringify(name)).join('.')}`, 'is there twice', 'YAML')
    seen.add(entry.key)
    if (entry.value !== null && isBranch(entry.value)) refuseTwice(entry.value, inside)
  }
}

function splitComments(document: Branch): Branch {
  const split = (entry: Item | Comment): (Item | Comment)[] => (entry.kind === 'comment' ? linesOf(entry) : [entry])
  const sections = document.items.flatMap((entry) => {
    if (entry.kind === 'comment' || !isBranch(entry.value)) return split(entry)
    return [item(entry.key, branch(...entry.value.items.flatMap(split)))]
  })
  return branch(...sections)
}

/** All but the first have kept their marks. */
function linesOf(whole: Comment): Comment[] {
  return commentLines(whole).map((line, index) => comment(index === 0 ? line : line.replace(/^\s*#/, '').replace(/^\s*;/, ' ;')))
}

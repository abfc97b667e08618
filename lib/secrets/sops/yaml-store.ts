import { firstBlock, isBlock, withoutBlocks } from './block.ts'
import { branch, isComment, item, type Branch, type Documents, type Item } from './document.ts'
import { lineEnd, type Change, type Edit, type Source, type Store, type Taken } from './format.ts'
import { jsonStore } from './json-store.ts'
import { METADATA_KEY } from './metadata.ts'
import { sameValues } from './same-values.ts'
import { withCopies } from './yaml-copies.ts'
import { concealScalar, revealScalar } from './yaml-edit.ts'
import { readYaml, readYamlSource } from './yaml-read.ts'
import type { YamlSource, YamlSpot } from './yaml-spot.ts'
import { DEFAULT_STEP, writeYaml } from './yaml-write.ts'

/** Characters that SOPS refuses in YAML, or takes for the end of a line, where others do not. */
const UNREADABLE = /[^\t\n\r -~\u00A0-\u2027\u202A-\uD7FF\uE000-\uFEFE\uFF00-\uFFFD\u{10000}-\u{10FFFF}]/u

/** Tabs where SOPS takes blanks only: before a comment, or behind a dash. */
const INDENTED_BY_TAB = /^ *(?:[-?:] +)*(?:[-?:]\t|\t[ \t]*(?:#|\r?$))/m

/** YAML: a mapping a document, each with the block at its end. */
export const yamlStore: Store = {
  read: readYamlSource,
  withCopies: (source, isSelected) => withCopies(source as YamlSource, isSelected),
  write: (documents, block, layout) => writeYaml(block === null ? documents : withBlocks(documents, block), layout as number | undefined),
  layoutOf,
  conceal: (source, change) => {
    if (isComment(change.clear)) return [{ start: change.at.start, end: change.at.end, text: change.encrypted }]
    return concealScalar(source as YamlSource, { ...change, at: change.at as YamlSpot })
  },
  reveal,
  addBlock,
  takeBlock,
  // What takes more lines in clear, and an item of a list that becomes a comment.
  isTricky: ({ at, clear }) =>
    isComment(clear) ? 'style' in at || clear.text.includes('\n') : typeof clear === 'string' && clear.includes('\n'),
  async isRight(text, documents, block) {
    if (block !== undefined && (UNREADABLE.test(text) || INDENTED_BY_TAB.test(text))) return false
    const read = await readYaml(text).catch(() => null)
    return read !== null && sameValues(read, block === undefined ? documents : withBlocks(documents, block))
  },
}

function withBlocks(documents: Documents, block: Branch): Branch[] {
  return documents.map((document) => branch(...document.items, item(METADATA_KEY, block)))
}

function layoutOf(source: Source): number | null {
  const step = stepOf(source as YamlSource)
  return writeYaml(source.documents, step) === source.text ? step : null
}

/** What SOPS can write. */
function stepOf({ step, usual }: YamlSource): number {
  return step < 2 || step > 9 ? ((usual as number | undefined) ?? DEFAULT_STEP) : step
}

function reveal(source: Source, change: Change): Edit[] {
  const { at, clear } = change
  if (!('style' in at)) return [{ start: at.start, end: at.end, text: (clear as { text: string }).text.replace(/^\n|\n/g, '\n#') }]
  const spot = at as YamlSpot
  if (!isComment(clear) || !spot.inList) return revealScalar(source as YamlSource, { ...change, at: spot })
  // SOPS makes an item of a comment in a list.
  const dash = source.text.lastIndexOf('-', at.start - 1)
  return [{ start: dash, end: at.end, text: clear.text.replaceAll(/^/gm, '#').replaceAll('\n', `\n${' '.repeat(spot.column)}`) }]
}

function addBlock(source: Source, block: Branch): Edit[] {
  const { text, ends, documents } = source as YamlSource
  const end = lineEnd(text)
  const step = stepOf(source as YamlSource)
  return ends.flatMap(({ offset, column, isFlow }, index) => {
    if (isFlow) return jsonStore.addBlock({ text, documents: documents.slice(index, index + 1), kept: true }, block, [])
    // The quotes tell a block that stands alone from the one of an empty mapping, as SOPS writes it.
    const isAlone = documents[index]?.items.every(isComment)
    const lines = writeYaml([branch(item(METADATA_KEY, block))], step)
      .trimEnd()
      .split('\n')
    const written = lines.map((line, at) => ' '.repeat(column) + (isAlone && at === 0 ? `"${METADATA_KEY}":` : line)).join(end)
    const open = offset > 0 && text[offset - 1] !== '\n'
    return [{ start: offset, end: offset, text: open ? end + written : written + end }]
  })
}

function takeBlock({ text, documents }: Source): Taken | null {
  const block = firstBlock(documents)
  if (block === null) return null
  const edits = documents.flatMap((document) => {
    const found = document.items.find(isBlock)
    if (found === undefined) return []
    const isEmpty = withoutBlocks([document])[0]?.items.every(isComment) === true && text[found.keyAt ?? 0] !== '"'
    if (text[document.at?.start ?? 0] !== '{') return removal(text, found, isEmpty ? `{}${lineEnd(text)}` : '')
    return jsonStore.takeBlock({ text, documents: [document], kept: true })?.edits ?? []
  })
  return { block, documents: withoutBlocks(documents), edits }
}

/**
 * All the lines of the block, but for a comment that SOPS has put behind its key. A block that ends with the text has brought the
 * line end before it.
 */
function removal(text: string, { keyAt = 0, at }: Item, instead: string): Edit[] {
  const start = text.lastIndexOf('\n', keyAt) + 1
  const last = at?.end ?? keyAt
  const end = text[last - 1] === '\n' ? last : text.indexOf('\n', last) + 1 || text.length
  const comment = /^["']?\w+["']?:[ \t]+(?=#)/.exec(text.slice(keyAt, keyAt + 100))?.[0]
  if (comment !== undefined) {
    const below = text.indexOf('\n', keyAt) + 1
    return [
      { start, end: keyAt + comment.length, text: '' },
      { start: below, end, text: instead },
    ]
  }
  const ends = instead !== '' || text.endsWith('\n') || end < text.length
  return [{ start: ends ? start : start - (/\r?\n$/.exec(text.slice(Math.max(start - 2, 0), start))?.[0].length ?? 0), end, text: instead }]
}

import { firstBlock, isBlock, withoutBlocks } from './block.ts'
import { branch, item, type Branch, type Item } from './document.ts'
import { lineEnd, type Change, type Edit, type Source, type Store, type Taken } from './format.ts'
import { clearString, encryptedString } from './json-spelling.ts'
import { writeJson, writeJsonValue, type JsonLayout } from './json-write.ts'
import { readJson } from './json.ts'
import { METADATA_KEY } from './metadata.ts'

/** JSON: one object, whose last member is the block. */
export const jsonStore: Store = {
  read: (text) => ({ text, documents: [readJson(text)], kept: true }),
  write: (documents, block, layout) => writeJson(withBlock(documents[0] ?? branch(), block), layout as JsonLayout | undefined),
  layoutOf,
  conceal,
  reveal,
  addBlock,
  takeBlock,
}

function conceal({ text }: Source, { at: { start, end }, clear, encrypted }: Change): Edit[] {
  const isText = typeof clear === 'string'
  return [{ start, end, text: isText ? encryptedString(encrypted, clear, text.slice(start, end)) : JSON.stringify(encrypted) }]
}

function reveal({ text }: Source, { at: { start, end }, clear }: Change): Edit[] {
  const isText = typeof clear === 'string'
  return [{ start, end, text: isText ? clearString(clear, text.slice(start, end)) : writeJsonValue(clear) }]
}

function withBlock(map: Branch, block: Branch | null): Branch {
  return block === null ? map : branch(...map.items, item(METADATA_KEY, block))
}

function layoutOf({ text, documents }: Source): JsonLayout | null {
  const root = documents[0] ?? branch()
  const indent = /^\{\r?\n([ \t]*)/.exec(text)?.[1] ?? '\t'
  const layouts = [false, true].map((escapes) => ({ indent, escapes }))
  // Before version 3.10 SOPS wrote no line feed at the end.
  return layouts.find((layout) => writeJson(root, layout).trimEnd() === text.replace(/\n$/, '')) ?? null
}

/**
 * A file on one line stays on it, but for the block, which has lines of its own: so `mac` and `lastmodified` can be seen to
 * change, and taking the block away gives the line back.
 */
function addBlock({ text, documents, usual }: Source, block: Branch): Edit[] {
  const root = documents[0] ?? branch()
  const items = root.items.filter((entry) => entry.kind === 'item')
  const end = lineEnd(text)
  const [first, last] = [items[0], items.at(-1)]
  const line = before(text, first) ?? before(text, last)
  const step = (usual as JsonLayout | undefined)?.indent ?? '\t'
  const indent = line ?? (items.length === 0 ? step : '')
  const written = writeJsonValue(block, { indent: line ?? step, escapes: false }, indent).replaceAll('\n', end)
  const member = `${end}${indent}"${METADATA_KEY}": ${written}`
  if (last?.at !== undefined) return [{ start: last.at.end, end: last.at.end, text: `,${member}` }]
  const start = (root.at?.start ?? 0) + 1
  return [{ start, end: start, text: member + end }]
}

/** The blanks before a member that begins a line; null for one that does not. */
function before(text: string, { keyAt = 0 }: Partial<Item> = {}): string | null {
  return /\n([ \t]*)$/.exec(text.slice(text.lastIndexOf('\n', keyAt), keyAt))?.[1] ?? null
}

function takeBlock({ text, documents }: Source): Taken | null {
  const block = firstBlock(documents)
  const [root] = documents
  if (block === null || root === undefined) return null
  const items = root.items.filter((entry) => entry.kind === 'item')
  const edits = items.flatMap((entry, index) => (isBlock(entry) ? [removal(text, items, index)] : []))
  return { block, documents: withoutBlocks(documents), edits }
}

function removal(text: string, items: readonly Item[], index: number): Edit {
  const end = items[index]?.at?.end ?? 0
  const [previous, next] = [items[index - 1]?.at, items[index + 1]?.keyAt]
  if (previous !== undefined) return { start: previous.end, end, text: '' }
  if (next !== undefined) return { start: items[index]?.keyAt ?? 0, end: next, text: '' }
  const start = text.lastIndexOf('{', items[index]?.keyAt) + 1
  return { start, end: end + (/^\r?\n/.exec(text.slice(end, end + 2))?.[0].length ?? 0), text: '' }
}

import { fault } from '../fault.ts'
import { isBranch, type Branch, type Comment, type Item } from './document.ts'
import { METADATA_KEY } from './metadata.ts'

/** Whether an item of a document is a `sops` block. */
export function isBlock(entry: Item | Comment): entry is Item {
  return entry.kind === 'item' && entry.key === METADATA_KEY
}

/** The block of the first document, or null. Throws `metadata` for two, and for one that is no mapping. */
export function firstBlock(documents: readonly Branch[]): Branch | null {
  const blocks = documents[0]?.items.filter(isBlock) ?? []
  const [first] = blocks
  if (first === undefined) return null
  if (blocks.length > 1) throw fault('metadata', `has two \`${METADATA_KEY}\` blocks`)
  if (!isBranch(first.value)) throw fault('metadata', `has a \`${METADATA_KEY}\` key that is no block of SOPS`)
  return first.value
}

/** The documents, each without the blocks that it has. */
export function withoutBlocks(documents: readonly Branch[]): Branch[] {
  return documents.map((document) => ({ ...document, items: document.items.filter((entry) => !isBlock(entry)) }))
}

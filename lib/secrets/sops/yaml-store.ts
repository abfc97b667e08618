import { firstBlock, withoutBlocks } from './block.ts'
import { branch, item, type Branch, type Documents } from './document.ts'
import type { Source, Store, Taken } from './format.ts'
import { METADATA_KEY } from './metadata.ts'
import { readYaml } from './yaml-read.ts'
import { writeYaml } from './yaml-write.ts'

/** YAML: a mapping a document, each with the block at its end. */
export const yamlStore: Store = {
  read: async (text) => ({ text, documents: await readYaml(text), kept: false }),
  write: (documents, block) => writeYaml(block === null ? documents : withBlocks(documents, block)),
  layoutOf: () => null,
  conceal: () => [],
  reveal: () => [],
  addBlock: () => [],
  takeBlock,
}

function withBlocks(documents: Documents, block: Branch): Branch[] {
  return documents.map((document) => branch(...document.items, item(METADATA_KEY, block)))
}

function takeBlock({ documents }: Source): Taken | null {
  const block = firstBlock(documents)
  return block === null ? null : { block, documents: withoutBlocks(documents), edits: [] }
}

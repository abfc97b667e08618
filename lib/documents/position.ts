import type { Node } from 'jsonc-parser'

/** A way to a value in a document: the keys of objects and the numbers of items. */
export type Keys = readonly (string | number)[]

/** Where something stands in a text, both from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

/**
 * Where a value stands in a JSON document, with comments or without, or in a YAML document, as far as the way to it is there: at its
 * key, or at the item. Null for a document of another kind, or one that does not parse.
 */
export async function positionOf(name: string, text: string, keys: Keys): Promise<Position | null> {
  const offset = /\.ya?ml$/i.test(name) ? await inYaml(text, keys) : /\.jsonc?$/i.test(name) ? await inJson(text, keys) : null
  if (offset === null) return null
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

async function inJson(text: string, keys: Keys): Promise<number | null> {
  const { parseTree } = await import('jsonc-parser')
  let node: Node | undefined = parseTree(text)
  let offset = node?.offset ?? null
  for (const key of keys) {
    const children: readonly Node[] = node?.children ?? []
    // The last one counts where a key is there twice.
    const found =
      node?.type === 'array' ? children[Number(key)] : children.findLast((property) => property.children?.[0]?.value === String(key))
    if (found === undefined) break
    offset = found.offset
    node = node?.type === 'array' ? found : found.children?.[1]
  }
  return offset
}

async function inYaml(text: string, keys: Keys): Promise<number | null> {
  const { isMap, isScalar, isSeq, parseDocument } = await import('yaml')
  const document = parseDocument(text, { logLevel: 'silent' })
  if (document.errors.length > 0) return null
  let node: unknown = document.contents
  let offset = document.contents?.range?.[0] ?? null
  for (const key of keys) {
    const pair = isMap(node) ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key)) : undefined
    const next = pair === undefined ? (isSeq(node) ? node.items[Number(key)] : undefined) : pair.value
    const place = (pair === undefined ? next : pair.key) as { range?: readonly number[] | null } | undefined
    if (place?.range?.[0] === undefined) break
    offset = place.range[0]
    node = next
  }
  return offset
}

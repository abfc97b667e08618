import type * as Yaml from 'yaml'
import { fault } from '../fault.ts'
import { isBranch, isComment, isList, type Branch, type Item, type List, type Spot, type Value } from './document.ts'
import { commentBehind, commentsBefore, placeOf } from './yaml-comments.ts'
import { closeBlock, openBlock } from './yaml-gap.ts'
import { readScalar } from './yaml-leaf.ts'
import { wrongYaml } from './yaml-parse.ts'
import type { Reader } from './yaml-read.ts'
import { learnStep, spotOf } from './yaml-spot.ts'

/** How much aliases may blow a document up. */
const MAX_COPIED = 100_000
const MERGE = 'the key << merges mappings, and this value is none'

/** A mapping. `around` is the column of what it is in, -1 for a document; its comments end before `limit`. */
export function readMap(reader: Reader, map: Yaml.YAMLMap.Parsed, around: number, limit: number): Branch {
  const items: Branch['items'] = []
  const seen = new Set<string>()
  const column = placeOf(reader.comments, map.range[0]).column
  if (!map.flow) openBlock(reader, { column, kind: 'map' })
  for (const [index, pair] of map.items.entries()) {
    const key = readKey(reader, pair.key)
    if (reader.isFirst && seen.has(key)) throw wrongYaml(reader.comments, pair.key.range[0], 'this key is there twice')
    seen.add(key)
    items.push(...commentsBefore(reader.comments, pair.key.range[0]))
    const next = map.items[index + 1]?.key.range[0] ?? limit
    const entry = readEntry(reader, pair, key, { column, next })
    if (reader.isFirst && !isMergeable(entry.at(-1))) throw wrongYaml(reader.comments, pair.key.range[0], MERGE)
    items.push(...entry)
  }
  if (!map.flow) items.push(...closeBlock(reader, limit))
  if (around < 0) items.push(...commentsBefore(reader.comments, limit))
  return { kind: 'branch', items }
}

function readEntry(
  reader: Reader,
  pair: Yaml.Pair<Yaml.ParsedNode, Yaml.ParsedNode | null>,
  key: string,
  at: { column: number; next: number },
): Branch['items'] {
  const { value } = pair
  const keyAt = pair.key.range[0]
  if (value === null) return [{ kind: 'item', key, keyAt, value: null }]
  const isBlock = reader.yaml.isCollection(value) && !value.flow
  // Behind a tag or an anchor it belongs to what follows.
  const isBare = isBlock && value.anchor === undefined && value.tag === undefined
  const above = isBare ? commentBehind(reader.comments, pair.key.range[1], false) : []
  if (reader.yaml.isCollection(value)) {
    const [start, end] = value.range
    learnStep(reader, value, at.column)
    return [...above, { kind: 'item', key, keyAt, value: readValue(reader, value, at.column, at.next), at: { start, end } }]
  }
  const first = commentBehind(reader.comments, pair.key.range[1], true)
  const before = commentsBefore(reader.comments, value.range[1])
  const entry: Item = {
    kind: 'item',
    key,
    keyAt,
    value: readValue(reader, value, at.column, at.next),
    ...spotOf(reader, value, at.column, false),
  }
  return [...first, ...before, ...commentBehind(reader.comments, value.range[1], true), entry]
}

function readList(reader: Reader, seq: Yaml.YAMLSeq.Parsed, around: number, limit: number): List {
  const items: Value[] = []
  const spots: (Spot | undefined)[] = []
  const column = placeOf(reader.comments, seq.range[0]).column
  if (!seq.flow) openBlock(reader, { column, kind: column === around ? 'flush' : 'list' })
  for (const [index, node] of seq.items.entries()) {
    const isEmpty = node.range[0] === node.range[1]
    const above = commentsBefore(reader.comments, node.range[0])
    // Above a last dash with nothing behind it, SOPS takes it for one of whatever comes next.
    if (isEmpty && above.length > 0 && index === seq.items.length - 1) reader.found.kept = false
    items.push(...above)
    const next = dashBefore(reader, seq, seq.items[index + 1]?.range[0]) ?? limit
    if (reader.yaml.isCollection(node)) {
      items.push(readValue(reader, node, column, next))
      continue
    }
    const before = commentsBefore(reader.comments, node.range[1])
    const value = readValue(reader, node, column, next)
    // Behind a dash alone it is about what follows.
    items.push(...before, ...(isEmpty ? [] : commentBehind(reader.comments, node.range[1], true)), value)
    if (typeof value === 'string' && /^ENC\[.*,type:comment\]$/.test(value)) reader.found.movedComment = true
    spots[items.length - 1] = spotOf(reader, node, column, true).at
  }
  if (!seq.flow) items.push(...closeBlock(reader, limit))
  return { kind: 'list', items, spots }
}

/** Where the dash of an item that is not the first stands. */
function dashBefore({ text, comments }: Reader, seq: Yaml.YAMLSeq.Parsed, start: number | undefined): number | undefined {
  if (start === undefined || seq.flow === true) return start
  const { column } = placeOf(comments, seq.range[0])
  return text.lastIndexOf(`\n${' '.repeat(column)}-`, start) + 1 + column
}

function readValue(reader: Reader, node: Yaml.ParsedNode, around: number, limit: number): Value {
  if (reader.yaml.isAlias(node)) return readAlias(reader, node)
  if (node.anchor !== undefined) reader.anchors.set(node.anchor, undefined)
  const value = reader.yaml.isScalar(node) ? readScalar(reader, node) : readCollection(reader, node, around, limit)
  // An anchor of the same name within is the later one.
  if (node.anchor !== undefined && reader.anchors.get(node.anchor) === undefined) reader.anchors.set(node.anchor, value)
  return value
}

function readCollection(reader: Reader, node: Yaml.YAMLMap.Parsed | Yaml.YAMLSeq.Parsed, around: number, limit: number): Branch | List {
  if (node.flow !== true) return reader.yaml.isMap(node) ? readMap(reader, node, around, limit) : readList(reader, node, around, limit)
  reader.flow += 1
  const value = reader.yaml.isMap(node) ? readMap(reader, node, around, limit) : readList(reader, node, around, limit)
  reader.flow -= 1
  const inside = [...commentsBefore(reader.comments, node.range[1]), ...commentBehind(reader.comments, node.range[1], false)]
  if (value.kind === 'branch') return { ...value, items: [...inside, ...value.items] }
  return { ...value, items: [...inside, ...value.items], spots: [...inside.map(() => undefined), ...(value.spots ?? [])] }
}

function readAlias(reader: Reader, node: Yaml.Alias.Parsed): Value {
  const value = reader.anchors.get(node.source)
  // SOPS writes out what an alias stands for: that is another text.
  reader.found.kept = false
  if (value === undefined) throw wrongYaml(reader.comments, node.range[0], 'this alias stands for nothing, or for itself')
  return copyOf(reader, value)
}

function copyOf(reader: Reader, value: Value): Value {
  reader.copied += 1
  if (reader.copied > MAX_COPIED) throw fault('syntax', 'is not read: its aliases stand for more values than any honest file has')
  if (isList(value)) return { kind: 'list', items: value.items.map((entry) => copyOf(reader, entry)) }
  if (!isBranch(value)) return value
  return {
    kind: 'branch',
    items: value.items.map((entry) => (isComment(entry) ? entry : { ...entry, value: copyOf(reader, entry.value) })),
  }
}

function readKey(reader: Reader, node: Yaml.ParsedNode): string {
  const key = reader.yaml.isScalar(node) ? readScalar(reader, node) : reader.yaml.isAlias(node) ? readAlias(reader, node) : null
  if (typeof key !== 'string') {
    const kind = reader.yaml.isScalar(node) && node.range[1] > node.range[0] ? 'plaintext' : 'syntax'
    throw wrongYaml(reader.comments, node.range[0], 'this key is not text, put it in quotes', kind)
  }
  if (reader.yaml.isScalar(node) && node.anchor !== undefined) reader.anchors.set(node.anchor, key)
  return key
}

/** SOPS takes every key `<<` for a merge, and then refuses its own file when the value is none. */
function isMergeable(entry: Branch['items'][number] | undefined): boolean {
  if (entry?.kind !== 'item' || entry.key !== '<<') return true
  return isBranch(entry.value) || (isList(entry.value) && entry.value.items.every((value) => isBranch(value) || isComment(value)))
}

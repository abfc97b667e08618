import type * as Yaml from 'yaml'
import { fault } from '../fault.ts'
import { isBranch, isComment, isList, textOrBytes, type Branch, type Item, type Leaf, type List, type Value } from './document.ts'
import { commentBehind, commentsBefore, commentsFurtherIn, placeOf, type Comments } from './yaml-comments.ts'
import { parseYaml, REPAIR, wrongYaml } from './yaml-parse.ts'
import { resolvePlain, TOO_LARGE } from './yaml-scalar.ts'
import { yamlTime } from './time.ts'

/** How much aliases may blow a document up. */
const MAX_COPIED = 100_000
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const CORE = 'tag:yaml.org,2002:'
const MERGE = 'the key << merges mappings, and this value is none'

/**
 * The documents of a YAML text, typed as SOPS types them, with their comments. Aliases become copies.
 * Throws `syntax` or `plaintext`, with the place and nothing of the text.
 */
export async function readYaml(text: string): Promise<Branch[]> {
  const yaml = await import('yaml')
  try {
    const { documents, comments, open } = parseYaml(yaml, text)
    return documents.map((document, index) => {
      const limit = documents[index + 1] === undefined ? text.length : document.range[2]
      return readDocument({ yaml, comments, open, isFirst: index === 0, anchors: new Map(), copied: 0 }, document.contents, limit)
    })
  } catch (error) {
    // Nesting so deep that the stack ends.
    if (error instanceof RangeError) throw fault('syntax', 'is not valid YAML: the nesting is too deep', { hint: REPAIR })
    throw error
  }
}

/** One document being read. */
interface Reader {
  readonly yaml: typeof Yaml
  readonly comments: Comments
  /** Where the text ends when its last line does not, else -1. */
  readonly open: number
  /** The first document: SOPS refuses a key that is there twice, or a merge of what is no mapping, in it and only there. */
  readonly isFirst: boolean
  readonly anchors: Map<string, Value | undefined>
  copied: number
}

function readDocument(reader: Reader, contents: Yaml.ParsedNode | null, limit: number): Branch {
  if (reader.yaml.isMap(contents)) return readMap(reader, contents, -1, limit)
  const empty = contents === null || (reader.yaml.isScalar(contents) && readScalar(reader, contents) === null)
  if (!empty) throw fault('syntax', 'has a document that is not a mapping of keys to values, which SOPS cannot encrypt')
  return { kind: 'branch', items: commentsBefore(reader.comments, limit) }
}

function readMap(reader: Reader, map: Yaml.YAMLMap.Parsed, around: number, limit: number): Branch {
  const items: Branch['items'] = []
  const seen = new Set<string>()
  const column = placeOf(reader.comments, map.range[0]).column
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
  if (around < 0) items.push(...commentsBefore(reader.comments, limit))
  else if (!map.flow) items.push(...commentsFurtherIn(reader.comments, around, limit))
  return { kind: 'branch', items }
}

function readEntry(
  reader: Reader,
  pair: Yaml.Pair<Yaml.ParsedNode, Yaml.ParsedNode | null>,
  key: string,
  at: { column: number; next: number },
): Branch['items'] {
  const { value } = pair
  const entry: Item = { kind: 'item', key, value: null }
  if (value === null) return [entry]
  const isBlock = reader.yaml.isCollection(value) && !value.flow
  const above = isBlock ? commentBehind(reader.comments, pair.key.range[1], false) : []
  if (reader.yaml.isCollection(value)) {
    entry.value = readValue(reader, value, at.column, at.next)
    return [...above, entry]
  }
  const first = commentBehind(reader.comments, pair.key.range[1], true)
  const before = commentsBefore(reader.comments, value.range[1])
  entry.value = readValue(reader, value, at.column, at.next)
  return [...first, ...before, ...commentBehind(reader.comments, value.range[1], true), entry]
}

function readList(reader: Reader, seq: Yaml.YAMLSeq.Parsed, around: number, limit: number): List {
  const items: Value[] = []
  const column = placeOf(reader.comments, seq.range[0]).column
  for (const [index, node] of seq.items.entries()) {
    items.push(...commentsBefore(reader.comments, node.range[0]))
    const next = seq.items[index + 1]?.range[0] ?? limit
    if (reader.yaml.isCollection(node)) {
      items.push(readValue(reader, node, column, next))
      continue
    }
    const before = commentsBefore(reader.comments, node.range[1])
    const value = readValue(reader, node, column, next)
    items.push(...before, ...commentBehind(reader.comments, node.range[1], true), value)
  }
  if (!seq.flow) items.push(...commentsFurtherIn(reader.comments, around, limit))
  return { kind: 'list', items }
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
  const value = reader.yaml.isMap(node) ? readMap(reader, node, around, limit) : readList(reader, node, around, limit)
  if (!node.flow) return value
  const inside = [...commentsBefore(reader.comments, node.range[1]), ...commentBehind(reader.comments, node.range[1], false)]
  value.items.unshift(...inside)
  return value
}

function readAlias(reader: Reader, node: Yaml.Alias.Parsed): Value {
  const value = reader.anchors.get(node.source)
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

function readScalar(reader: Reader, node: Yaml.Scalar.Parsed): Leaf {
  const text = textOf(reader, node)
  const tag = node.tag?.startsWith(CORE) ? node.tag.slice(CORE.length) : node.tag === undefined || node.tag === '!' ? '' : 'str'
  const value = tag === '' && node.type === 'PLAIN' ? resolvePlain(text) : tag === '' ? unfolded(node, text) : tagged(tag, text)
  if (value === TOO_LARGE)
    throw wrongYaml(reader.comments, node.range[0], 'this number is too large for SOPS, put it in quotes', 'plaintext')
  if (value === undefined) throw wrongYaml(reader.comments, node.range[0], 'this value is not of the type that its tag says')
  return value
}

/** A block that ends with the file, where the file's last line does not end, has no line feed to keep. */
function textOf(reader: Reader, node: Yaml.Scalar.Parsed): string {
  const text = typeof node.value === 'string' ? node.value : ''
  return node.type?.startsWith('BLOCK') === true && node.range[1] === reader.open ? text.replace(/\n$/, '') : text
}

/** SOPS takes every key `<<` for a merge, and then refuses its own file when the value is none. */
function isMergeable(entry: Branch['items'][number] | undefined): boolean {
  if (entry?.kind !== 'item' || entry.key !== '<<') return true
  return isBranch(entry.value) || (isList(entry.value) && entry.value.items.every((value) => isBranch(value) || isComment(value)))
}

/** Quoted and block scalars are text. SOPS indents behind line separators, which its own reader takes away again. */
function unfolded(node: Yaml.Scalar.Parsed, text: string): string {
  return node.type === 'QUOTE_SINGLE' ? text.replace(/ *([\u0085\u2028\u2029]) */g, '$1') : text
}

/** What a scalar with a tag means; undefined when the tag does not fit. Unknown tags are dropped, as in SOPS. */
function tagged(tag: string, text: string): Leaf | typeof TOO_LARGE | undefined {
  const plain = resolvePlain(text)
  switch (tag) {
    case 'int':
      return typeof plain === 'bigint' || plain === TOO_LARGE ? plain : undefined
    case 'float':
      return typeof plain === 'number' ? plain : typeof plain === 'bigint' ? Number(plain) : undefined
    case 'bool':
      return typeof plain === 'boolean' ? plain : undefined
    case 'null':
      return plain === null ? null : undefined
    case 'timestamp':
      return yamlTime(text) ?? undefined
    case 'binary':
      return BASE64.test(text.replaceAll('\n', '')) ? textOrBytes(Buffer.from(text, 'base64')) : undefined
    default:
      return text
  }
}

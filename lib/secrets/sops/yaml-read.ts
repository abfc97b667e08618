import type * as Yaml from 'yaml'
import { fault } from '../fault.ts'
import { isBranch, isComment, isList, textOrBytes, type Branch, type Item, type Leaf, type List, type Value } from './document.ts'
import { Comments } from './yaml-comments.ts'
import { resolvePlain, TOO_LARGE } from './yaml-scalar.ts'
import { yamlTime } from './time.ts'

/** How much aliases may blow a document up. */
const MAX_COPIED = 100_000
const CORE = 'tag:yaml.org,2002:'
const MERGE = 'the key << merges mappings, and this value is none'
const REPAIR = 'Correct the file, or take its last good version from Git.'

/**
 * The documents of a YAML text, typed as SOPS types them, with their comments. Aliases become copies.
 * Throws `syntax` or `plaintext`, with the place and nothing of the text.
 */
export async function readYaml(text: string): Promise<Branch[]> {
  const yaml = await import('yaml')
  const options = { schema: 'failsafe', merge: false, resolveKnownTags: false, uniqueKeys: false, prettyErrors: false } as const
  try {
    const parsed = yaml.parseAllDocuments(text, { ...options, logLevel: 'silent', version: '1.2' })
    const documents: Yaml.Document.Parsed[] = 'empty' in parsed ? [] : parsed
    const comments = new Comments(text, new yaml.Lexer())
    for (const { errors } of documents) {
      const [first] = errors
      if (first !== undefined) throw wrong(comments, first.pos[0], first.code.toLowerCase().replaceAll('_', ' '))
    }
    return documents.map((document, index) => {
      const limit = documents[index + 1] === undefined ? text.length : document.range[2]
      return new DocumentReader(yaml, comments, index === 0).read(document.contents, limit)
    })
  } catch (error) {
    // Nesting so deep that the stack ends.
    if (error instanceof RangeError) throw fault('syntax', 'is not valid YAML: the nesting is too deep', { hint: REPAIR })
    throw error
  }
}

class DocumentReader {
  readonly #yaml: typeof Yaml
  readonly #comments: Comments
  readonly #unique: boolean
  readonly #anchors = new Map<string, Value | undefined>()
  #copied = 0

  /** SOPS refuses a key that is there twice in the first document, and only there. */
  constructor(yaml: typeof Yaml, comments: Comments, unique: boolean) {
    this.#yaml = yaml
    this.#comments = comments
    this.#unique = unique
  }

  read(contents: Yaml.ParsedNode | null, limit: number): Branch {
    if (this.#yaml.isMap(contents)) return this.#map(contents, -1, limit)
    const empty = contents === null || (this.#yaml.isScalar(contents) && this.#scalar(contents) === null)
    if (!empty) throw fault('plaintext', 'has a document that is not a mapping of keys to values, which SOPS cannot encrypt')
    return { kind: 'branch', items: this.#comments.before(limit) }
  }

  #map(map: Yaml.YAMLMap.Parsed, around: number, limit: number): Branch {
    const items: Branch['items'] = []
    const seen = new Set<string>()
    const column = this.#comments.place(map.range[0]).column
    for (const [index, pair] of map.items.entries()) {
      const key = this.#key(pair.key)
      if (this.#unique && seen.has(key)) throw wrong(this.#comments, pair.key.range[0], 'this key is there twice')
      seen.add(key)
      items.push(...this.#comments.before(pair.key.range[0]))
      const next = map.items[index + 1]?.key.range[0] ?? limit
      const entry = this.#entry(pair, key, { column, next })
      if (!isMergeable(entry.at(-1))) throw wrong(this.#comments, pair.key.range[0], MERGE, 'plaintext')
      items.push(...entry)
    }
    if (around < 0) items.push(...this.#comments.before(limit))
    else if (!map.flow) items.push(...this.#comments.furtherIn(around, limit))
    return { kind: 'branch', items }
  }

  #entry(pair: Yaml.Pair<Yaml.ParsedNode, Yaml.ParsedNode | null>, key: string, at: { column: number; next: number }): Branch['items'] {
    const { value } = pair
    const entry: Item = { kind: 'item', key, value: null }
    if (value === null) return [entry]
    const isBlock = this.#yaml.isCollection(value) && !value.flow
    const above = isBlock ? this.#comments.behind(pair.key.range[1], false) : []
    if (this.#yaml.isCollection(value)) {
      entry.value = this.#value(value, at.column, at.next)
      return [...above, entry]
    }
    const first = this.#comments.behind(pair.key.range[1], true)
    const before = this.#comments.before(value.range[1])
    entry.value = this.#value(value, at.column, at.next)
    return [...first, ...before, ...this.#comments.behind(value.range[1], true), entry]
  }

  #seq(seq: Yaml.YAMLSeq.Parsed, around: number, limit: number): List {
    const items: Value[] = []
    const column = this.#comments.place(seq.range[0]).column
    for (const [index, node] of seq.items.entries()) {
      items.push(...this.#comments.before(node.range[0]))
      const next = seq.items[index + 1]?.range[0] ?? limit
      if (this.#yaml.isCollection(node)) {
        items.push(this.#value(node, column, next))
        continue
      }
      const before = this.#comments.before(node.range[1])
      const value = this.#value(node, column, next)
      items.push(...before, ...this.#comments.behind(node.range[1], true), value)
    }
    if (!seq.flow) items.push(...this.#comments.furtherIn(around, limit))
    return { kind: 'list', items }
  }

  #value(node: Yaml.ParsedNode, around: number, limit: number): Value {
    if (this.#yaml.isAlias(node)) return this.#alias(node)
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, undefined)
    const value = this.#yaml.isScalar(node) ? this.#scalar(node) : this.#collection(node, around, limit)
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, value)
    return value
  }

  #collection(node: Yaml.YAMLMap.Parsed | Yaml.YAMLSeq.Parsed, around: number, limit: number): Branch | List {
    const value = this.#yaml.isMap(node) ? this.#map(node, around, limit) : this.#seq(node, around, limit)
    if (!node.flow) return value
    const inside = [...this.#comments.before(node.range[1]), ...this.#comments.behind(node.range[1], false)]
    value.items.unshift(...inside)
    return value
  }

  #alias(node: Yaml.Alias.Parsed): Value {
    const value = this.#anchors.get(node.source)
    if (value === undefined) throw wrong(this.#comments, node.range[0], 'this alias stands for nothing, or for itself')
    return this.#copy(value)
  }

  #copy(value: Value): Value {
    this.#copied += 1
    if (this.#copied > MAX_COPIED) throw fault('syntax', 'is not read: its aliases stand for more values than any honest file has')
    if (isList(value)) return { kind: 'list', items: value.items.map((entry) => this.#copy(entry)) }
    if (!isBranch(value)) return value
    return { kind: 'branch', items: value.items.map((entry) => (isComment(entry) ? entry : { ...entry, value: this.#copy(entry.value) })) }
  }

  #key(node: Yaml.ParsedNode): string {
    const key = this.#yaml.isScalar(node) ? this.#scalar(node) : this.#yaml.isAlias(node) ? this.#alias(node) : null
    if (typeof key !== 'string') throw wrong(this.#comments, node.range[0], 'this key is not text, put it in quotes', 'plaintext')
    if (this.#yaml.isScalar(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, key)
    return key
  }

  #scalar(node: Yaml.Scalar.Parsed): Leaf {
    const text = typeof node.value === 'string' ? node.value : ''
    const tag = node.tag?.startsWith(CORE) ? node.tag.slice(CORE.length) : node.tag === undefined ? '' : 'str'
    const value = tag === '' && node.type === 'PLAIN' ? resolvePlain(text) : tag === '' ? unfolded(node, text) : tagged(tag, text)
    if (value === TOO_LARGE) throw wrong(this.#comments, node.range[0], 'this number is too large for SOPS, put it in quotes', 'plaintext')
    if (value === undefined) throw wrong(this.#comments, node.range[0], 'this value is not of the type that its tag says')
    return value
  }
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
      return textOrBytes(Buffer.from(text, 'base64'))
    default:
      return text
  }
}

function wrong(comments: Comments, offset: number, what: string, kind: 'syntax' | 'plaintext' = 'syntax'): Error {
  const { line, column } = comments.place(offset)
  return fault(kind, `is not valid YAML: ${what} at line ${line + 1}, column ${column + 1}`, { hint: REPAIR })
}

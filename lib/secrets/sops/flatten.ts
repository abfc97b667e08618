import { fault } from '../fault.ts'
import { branch, isBranch, isComment, isList, item, list, type Branch, type Value } from './document.ts'
import { flatText } from './flat-text.ts'

/** A nested value's name in a flat file, and its text, line feeds and all. */
export type FlatEntry = readonly [name: string, text: string]

const STEP = /__(map|list)_/
/** The block of SOPS itself is six steps deep at most; what is deeper was made to hurt. */
const MAX_STEPS = 16
const INDEX = /^(?:0|[1-9]\d{0,5})$/

/** The block as names and texts, in its own order: `age__list_0__map_enc`. Throws `metadata` where two names become one. */
export function flatten(block: Branch): FlatEntry[] {
  const entries = new Map<string, string>()
  const put = (name: string, value: Value): void => {
    if (isBranch(value)) return value.items.forEach((entry) => entry.kind === 'item' && put(`${name}__map_${entry.key}`, entry.value))
    if (isList(value))
      return value.items.filter((entry) => !isComment(entry)).forEach((entry, index) => put(`${name}__list_${index}`, entry))
    if (entries.has(name)) throw broken(`it would have two fields \`${name}\``)
    entries.set(name, plain(value))
  }
  for (const entry of block.items) if (entry.kind === 'item') put(entry.key, entry.value)
  return [...entries]
}

/** The nested block that such names mean, in the order of first mention. Throws `metadata`, naming the field that cannot be. */
export function unflatten(entries: readonly FlatEntry[]): Branch {
  const root: Node = { text: null, map: new Map(), list: new Map() }
  for (const [name, text] of entries) {
    const node = place(root, name)
    if (node.text !== null) throw broken(`its \`${shown(name)}\` is there twice`)
    node.text = text
  }
  return branch(...[...root.map].map(([key, node]) => item(key, nested(node, key))))
}

/** What stands at a name: a text, fields or items, and of these one only. */
interface Node {
  text: string | null
  readonly map: Map<string, Node>
  readonly list: Map<number, Node>
}

function place(root: Node, name: string): Node {
  const parts = name.split(STEP)
  if (parts.length > 2 * MAX_STEPS) throw broken(`its \`${shown(name)}\` is nested too deep`)
  let node = inside(root.map, parts[0] ?? '')
  for (let at = 1; at < parts.length; at += 2) {
    const key = parts[at + 1] ?? ''
    if (parts[at] === 'map') node = inside(node.map, key)
    else if (INDEX.test(key)) node = inside(node.list, Number(key))
    else throw broken(`its \`${shown(name)}\` has a list position that is none`)
  }
  return node
}

function inside<Key>(nodes: Map<Key, Node>, key: Key): Node {
  const node = nodes.get(key) ?? { text: null, map: new Map(), list: new Map() }
  nodes.set(key, node)
  return node
}

function nested(node: Node, name: string): Value {
  const kinds = [node.text !== null, node.map.size > 0, node.list.size > 0].filter(Boolean)
  if (kinds.length > 1) throw broken(`its \`${shown(name)}\` is text and a list or a mapping at once`)
  if (node.text !== null) return node.text
  if (node.list.size === 0) return branch(...[...node.map].map(([key, value]) => item(key, nested(value, `${name}__map_${key}`))))
  const items = [...node.list].sort(([one], [two]) => one - two)
  if (items.at(-1)?.[0] !== items.length - 1) throw broken(`its list \`${shown(name)}\` has gaps`)
  return list(...items.map(([index, value]) => nested(value, `${name}__list_${index}`)))
}

/** The block holds nothing but texts, numbers, yes and no. */
function plain(value: Value): string {
  return value === null ? '' : flatText(value, 'a field of the block', 'a flat file')
}

/** A file may bring a name of any length. */
function shown(name: string): string {
  return name.length > 80 ? `${name.slice(0, 80)}…` : name
}

function broken(what: string): Error {
  return fault('metadata', `has a block of SOPS that cannot be used: ${what}`, {
    hint: 'Take the last good version of the file from Git, or encrypt it again.',
  })
}

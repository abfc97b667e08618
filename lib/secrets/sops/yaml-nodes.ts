import { isBranch, isComment, isList, isNumeral, type Branch, type Leaf, type List, type Numeral, type Value } from './document.ts'
import { spelling } from './number-text.ts'
import { yamlFloat } from './number.ts'
import { timeSpelling } from './time.ts'
import { resolvePlain, staysText } from './yaml-scalar.ts'

/** Comment lines around a node, each with its `#`; several are joined by line feeds. Empty when there are none. */
interface Around {
  head: string
  line: string
  foot: string
}

/** A value, or a key. */
export interface ScalarNode extends Around {
  readonly kind: 'scalar'
  readonly text: string
  /** How it would like to be written; the writer falls back to quotes where that is impossible. */
  readonly style: 'plain' | 'literal' | 'double'
  readonly tag: '' | '!!binary' | '!!merge'
}

/** A mapping. */
export interface MapNode extends Around {
  readonly kind: 'map'
  readonly entries: { readonly key: ScalarNode; readonly value: YamlNode }[]
}

/** A sequence. */
export interface SeqNode extends Around {
  readonly kind: 'seq'
  readonly items: YamlNode[]
}

/** A node of the document as it will be written. */
export type YamlNode = ScalarNode | MapNode | SeqNode

/** A document with each comment tied to the node that SOPS would tie it to. */
export function mapNode(map: Branch): MapNode {
  const node: MapNode = { kind: 'map', entries: [], head: '', line: '', foot: '' }
  const pending: Pending = { above: [], beside: [] }
  for (const entry of map.items) {
    if (entry.kind === 'comment') {
      wait(pending, entry.text, entry.inline)
      continue
    }
    const key = textNode(entry.key)
    const value = valueNode(entry.value)
    // The comments above the first key are the document's own, so to speak.
    putAbove(pending, node.entries.length === 0 ? node : key)
    putBeside(pending, value)
    node.entries.push({ key, value })
  }
  putBelow(pending, node.entries.at(-1)?.key, node)
  return node
}

function seqNode(values: List): SeqNode {
  const node: SeqNode = { kind: 'seq', items: [], head: '', line: '', foot: '' }
  const pending: Pending = { above: [], beside: [] }
  for (const value of values.items) {
    if (isComment(value)) {
      wait(pending, value.text, value.inline)
      continue
    }
    const child = valueNode(value)
    putAbove(pending, node.items.length === 0 ? node : child)
    putBeside(pending, child)
    node.items.push(child)
  }
  putBelow(pending, node.items.at(-1), node)
  return node
}

/** Comments that wait for the next item. */
interface Pending {
  above: string[]
  beside: string[]
}

function wait(pending: Pending, text: string, inline: boolean): void {
  const lines = inline ? pending.beside : pending.above
  lines.push(`#${text}`)
}

function putAbove(pending: Pending, node: YamlNode): void {
  node.head = [...pending.above, ...(node.head === '' ? [] : [node.head])].join('\n')
  pending.above = []
}

function putBeside(pending: Pending, node: YamlNode): void {
  node.line = pending.beside.join('\n')
  pending.beside = []
}

function putBelow(pending: Pending, last: YamlNode | undefined, container: YamlNode): void {
  const lines = [...pending.above, ...pending.beside].join('\n')
  if (last === undefined) container.head = lines
  else last.foot = lines
}

/** A value as it will be written, without comments around it. */
export function valueNode(value: Value): YamlNode {
  if (isBranch(value)) return mapNode(value)
  if (isList(value)) return seqNode(value)
  if (isComment(value)) return textNode(`#${value.text}`)
  return typeof value === 'string' ? textNode(value) : leafNode(value)
}

function leafNode(value: Exclude<Leaf, string>): ScalarNode {
  if (Buffer.isBuffer(value)) {
    const text = base64(value)
    return scalar(text, text.includes('\n') ? 'literal' : 'plain', '!!binary')
  }
  if (typeof value === 'number') return scalar(yamlFloat(value), 'plain')
  if (isNumeral(value)) return numeralNode(value)
  if (typeof value === 'object' && value !== null) return scalar(timeSpelling(value), 'plain')
  return scalar(String(value), 'plain')
}

/** In the user's words, unless those mean something else in YAML: `1e3.` of no format, or `0777` of another one. */
function numeralNode(value: Numeral): ScalarNode {
  const own = spelling(value)
  return Object.is(resolvePlain(own), value.value) ? scalar(own, 'plain') : leafNode(value.value)
}

/** A text, or a key, as it will be written. */
export function textNode(text: string): ScalarNode {
  // SOPS takes every `<<` for the key of a merge, even where it is a value.
  if (text === '<<') return scalar(text, 'plain', '!!merge')
  return scalar(text, text.includes('\n') ? 'literal' : staysText(text) ? 'plain' : 'double')
}

function scalar(text: string, style: ScalarNode['style'], tag: ScalarNode['tag'] = ''): ScalarNode {
  return { kind: 'scalar', text, style, tag, head: '', line: '', foot: '' }
}

function base64(bytes: Buffer): string {
  const text = bytes.toString('base64')
  return text.length < 70 ? text : `${(text.match(/.{1,70}/g) ?? []).join('\n')}\n`
}

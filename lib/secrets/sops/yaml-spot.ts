import type * as Yaml from 'yaml'
import type { Spot, Value } from './document.ts'
import type { Source } from './format.ts'
import { placeOf } from './yaml-comments.ts'
import { coreTag } from './yaml-leaf.ts'
import type { Reader } from './yaml-read.ts'

/** How a scalar is written. */
export type YamlStyle = 'plain' | 'single' | 'double' | 'literal' | 'folded'

/** Where a scalar stands, and how. */
export interface YamlSpot extends Spot {
  readonly style: YamlStyle
  /** In brackets, where blocks cannot be. */
  readonly flow: boolean
  /** Of the keys or dashes around it; the lines of a block are further in. */
  readonly column: number
  readonly inList: boolean
}

/** Where an alias stands, and what for. */
export interface AliasSpot {
  readonly at: YamlSpot
  readonly value: Value
}

/** A YAML text. */
export interface YamlSource extends Source {
  /** How many blanks a level is indented by; 0 where nothing tells. */
  readonly step: number
  /** Of each document: where a block can be added behind its last line, and the column of its keys. */
  readonly ends: readonly { readonly offset: number; readonly column: number; readonly isFlow: boolean }[]
  /** Of values, not of keys. */
  readonly aliases: readonly AliasSpot[]
}

const STYLES: Readonly<Record<string, YamlStyle>> = {
  PLAIN: 'plain',
  QUOTE_SINGLE: 'single',
  QUOTE_DOUBLE: 'double',
  BLOCK_LITERAL: 'literal',
  BLOCK_FOLDED: 'folded',
}

/** The place of a scalar; nothing for what is none, but that of an alias is remembered. */
export function spotOf(reader: Reader, node: Yaml.ParsedNode, column: number, inList: boolean): { at?: YamlSpot } {
  if (reader.yaml.isAlias(node)) learnAlias(reader, node, column, inList)
  if (!reader.yaml.isScalar(node)) return {}
  const style = STYLES[node.type ?? 'PLAIN'] ?? 'plain'
  const [begin, end] = node.range
  if (style === 'literal' || style === 'folded') learnBlock(reader, begin, column)
  return { at: { start: begin - tagLength(reader, node), end, style, flow: reader.flow > 0, column, inList } }
}

function learnAlias(
  { anchors, found, flow }: Reader,
  { range: [start, end], source }: Yaml.Alias.Parsed,
  column: number,
  inList: boolean,
): void {
  const value = anchors.get(source) ?? null
  found.aliases.push({ at: { start, end, style: 'plain', flow: flow > 0, column, inList }, value })
}

/** A tag that says what the value in clear is, which `ENC[…]` is not, goes with the value. */
function tagLength(reader: Reader, node: Yaml.Scalar.Parsed): number {
  const tag = coreTag(node)
  if (tag === null || tag === 'str') return 0
  const [begin] = node.range
  const match = /![^\s]*\s+$/.exec(reader.text.slice(Math.max(begin - 40, 0), begin))
  // With an anchor between, or spelled at length.
  if (match === null) reader.found.kept = false
  return match?.[0].length ?? 0
}

/** The first mapping or list that is further in than the keys around it tells how far a text indents. */
export function learnStep({ comments, found }: Reader, node: Yaml.YAMLMap.Parsed | Yaml.YAMLSeq.Parsed, around: number): void {
  if (found.step !== 0 || node.flow === true) return
  found.step = Math.max(placeOf(comments, node.range[0]).column - around, 0)
}

function learnBlock({ found, text }: Reader, begin: number, column: number): void {
  if (found.blockStep !== 0) return
  const indent = /^[^\n]*\n(?:[ \t]*\r?\n)*( +)/.exec(text.slice(begin, begin + 1000))?.[1]?.length ?? 0
  if (indent > column) found.blockStep = indent - column
}

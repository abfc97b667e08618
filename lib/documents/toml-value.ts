import type { AST, ParseError } from 'toml-eslint-parser'
import { readJson, type Json } from '../model/json.ts'
import { asWord, wordIn } from './toml-word.ts'
import { doesNotParse } from './unparsable.ts'

/** The value of a TOML document; undefined for one that holds nothing. Throws `conflict`, with the place and without the text. */
export async function parseToml(text: string, name: string): Promise<Json | undefined> {
  const { outlineOf } = await import('./toml-tree.ts')
  const plain = text.replace(/^\uFEFF/, '')
  try {
    const { lines, tables } = outlineOf(plain)
    if (lines.length === 0 && tables.length === 0) return undefined
    const root: Place = new Map()
    for (const { way } of tables) placeAt(root, way)
    for (const { way, node } of lines) placeAt(root, way.slice(0, -1)).set(way.at(-1) ?? '', valueOf(node.value, plain))
    return asJson(root)
  } catch (error) {
    if (!('lineNumber' in (error as ParseError))) throw error
    const { lineNumber: line, column, message } = error as ParseError
    const twice = /multiple times|duplicate|already/i.test(message) ? 'has a key twice' : undefined
    throw doesNotParse(name, 'TOML', { line, column: column + 1 }, twice)
  }
}

type Place = Map<string | number, Place | Json>

function placeAt(root: Place, way: readonly (string | number)[]): Place {
  return way.reduce<Place>((place, step) => {
    const known = place.get(step)
    if (known instanceof Map) return known
    const made: Place = new Map()
    place.set(step, made)
    return made
  }, root)
}

function asJson(place: Place): Json {
  const entries = [...place].map(([key, inner]) => [key, inner instanceof Map ? asJson(inner) : inner] as const)
  return typeof entries[0]?.[0] === 'number' ? entries.map(([, inner]) => inner) : Object.fromEntries(entries)
}

function valueOf(node: AST.TOMLContentNode, text: string): Json {
  if (node.type === 'TOMLArray') return node.elements.map((element) => valueOf(element, text))
  if (node.type === 'TOMLInlineTable') return inlineOf(node, text)
  if (node.kind === 'string' || node.kind === 'boolean') return node.value
  const plain = text
    .slice(...node.range)
    .replaceAll('_', '')
    .replace(/^\+/, '')
  if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(plain)) return readJson(plain)
  return node.kind === 'integer' ? readJson(String(node.bigint)) : asWord(plain)
}

function inlineOf(node: AST.TOMLInlineTable, text: string): Json {
  const place: Place = new Map()
  for (const line of node.body) {
    const keys = line.key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))
    placeAt(place, keys.slice(0, -1)).set(keys.at(-1) ?? '', valueOf(line.value, text))
  }
  return Object.fromEntries(Object.entries(asJson(place) as object)) as Json
}

/** What a list stands for that is none: the text of a date, or of an infinite number; null for any other. */
export function literalIn(items: readonly { readonly kind: string; readonly text?: string }[]): string | null {
  const [only, ...more] = items
  return more.length === 0 && only?.kind === 'text' ? wordIn([only.text ?? '']) : null
}

import type { Alias, Document, Node, Pair, Scalar } from 'yaml'
import { GitopsError } from '../model/errors.ts'
import { readJson, type Json } from '../model/json.ts'
import { doesNotParse } from './unparsable.ts'

/** As many values as aliases may make of a document. */
const MOST = 1_000_000

/** The value of a YAML document; undefined for one that holds nothing. Throws `conflict`, with the place and without the text. */
export async function parseYaml(text: string, name: string): Promise<Json | undefined> {
  const yaml = await import('yaml')
  const documents = yaml.parseAllDocuments(text.replace(/^\uFEFF/, ''), { merge: false, logLevel: 'error', prettyErrors: false })
  const all: readonly Document.Parsed[] = Array.isArray(documents) ? documents : []
  if (all.length > 1) throw new GitopsError('conflict', `${name} holds several YAML documents, and only one can be merged`)
  const [document] = all
  const [error] = document?.errors ?? []
  if (error !== undefined) {
    const before = text.slice(0, error.pos[0]).split('\n')
    const place = { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
    throw doesNotParse(name, 'YAML', place, error.code === 'DUPLICATE_KEY' ? 'has a key twice' : undefined)
  }
  if (document === undefined || document.contents === null) return undefined
  if (yaml.isScalar(document.contents) && document.contents.value === null && document.contents.source === '') return undefined
  let left = MOST
  const valueOf = (node: Node | null): Json => {
    if (left-- === 0) throw new GitopsError('conflict', `${name} grows beyond measure by its aliases`)
    if (node === null) return null
    if (yaml.isAlias(node)) return valueOf(resolved(node, document))
    if (yaml.isSeq<Node>(node)) return node.items.map(valueOf)
    if (yaml.isMap<Node, Node | null>(node)) return Object.fromEntries(node.items.map((pair) => [keyOf(pair), valueOf(pair.value)]))
    return scalarOf(node as Scalar)
  }
  return valueOf(document.contents)
}

function resolved(alias: Alias, document: Document.Parsed): Node | null {
  return (alias.resolve(document) as Node | undefined) ?? null
}

/** A key by its text, whatever it would be as a value. */
function keyOf({ key }: Pair<Node, Node | null>): string {
  const { source, value } = key as Scalar
  return source ?? (typeof value === 'string' ? value : String(key))
}

function scalarOf({ value, source = '' }: Scalar): Json {
  if (typeof value === 'bigint') return readJson(String(value))
  if (typeof value !== 'number') return typeof value === 'string' || typeof value === 'boolean' || value === null ? value : source
  // A number keeps its digits.
  if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(source)) return readJson(source)
  if (Number.isFinite(value)) return value
  return Number.isNaN(value) ? '.nan' : readJson(value > 0 ? '1e999' : '-1e999')
}

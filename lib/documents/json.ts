import type { Node, ParseError } from 'jsonc-parser'
import type { Edit } from '../model/edits.ts'
import { readJson, type Json } from '../model/json.ts'
import { faultInJson } from './json-fault.ts'
import type { DoubledKey } from '../plugins/contract.ts'
import { doesNotParse } from './unparsable.ts'

const COMMENTS =
  "Does its application allow comments and trailing commas there? Then say so in the config: merge({ format: 'jsonc' }). Nothing was written."

/** The value of a JSON document; undefined for an empty one. Throws `conflict`, with the place and without the text, when it does not parse. */
export function parseJson(text: string, name: string): Json | undefined {
  const plain = text.replace(/^\uFEFF/, '')
  if (plain.trim() === '') return undefined
  try {
    return readJson(plain)
  } catch {
    const { line, column } = faultInJson(plain) ?? { line: 1, column: 1 }
    // What stands in the way of strict JSON is a comment, or a comma too many, which an application may well allow.
    const at =
      plain
        .split('\n')
        .slice(0, line - 1)
        .join('\n').length + (line > 1 ? column : column - 1)
    const loose = /^\/[/*]/.test(plain.slice(at)) || (/^[}\]]/.test(plain.slice(at)) && /,\s*$/.test(plain.slice(0, at)))
    throw doesNotParse(name, 'JSON', { line, column }, undefined, loose ? COMMENTS : undefined)
  }
}

/** The value of a JSON document with comments and trailing commas; undefined for one that holds nothing else. Throws like `parseJson`. */
export async function parseJsonc(text: string, name: string): Promise<Json | undefined> {
  const { parseTree } = await import('jsonc-parser')
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true })
  const [error] = errors
  if (error !== undefined) {
    throw doesNotParse(name, 'JSON with comments', placeOf(text, error.offset))
  }
  return root === undefined ? undefined : valueOf(root, text)
}

function valueOf(node: Node, text: string): Json {
  const children = node.children ?? []
  if (node.type === 'array') return children.map((child) => valueOf(child, text))
  if (node.type === 'object') return Object.fromEntries(children.map((each) => [nameOf(each), valueOf(each.children?.[1] as Node, text)]))
  // A number keeps its digits.
  return readJson(text.slice(node.offset, node.offset + node.length))
}

/** The edits that meet a key which the document has twice, so that nobody can tell which one counts, each with that key. */
export async function doubledKeys(text: string, edits: readonly Edit[]): Promise<ReadonlyMap<Edit, DoubledKey>> {
  const { parseTree } = await import('jsonc-parser')
  const plain = text.replace(/^\uFEFF/, '')
  const root = parseTree(plain, [], { allowTrailingComma: true })
  return new Map(
    edits.flatMap((edit) => {
      const property = doubledOn(root, edit.path)
      return property === null ? [] : [[edit, { key: nameOf(property), ...placeOf(plain, property.offset) }]]
    }),
  )
}

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

/** The second one. */
function doubledOn(root: Node | undefined, path: readonly string[]): Node | null {
  let node = root
  for (const key of path) {
    if (node?.type === 'array') break
    const found = properties(node).filter((property) => nameOf(property) === key)
    if (found[1] !== undefined) return found[1]
    node = found[0]?.children?.[1]
  }
  return doubledIn(node)
}

function doubledIn(node: Node | undefined): Node | null {
  const names = new Set<string>()
  const twice = properties(node).find((property) => names.size === names.add(nameOf(property)).size)
  if (twice !== undefined) return twice
  for (const child of node?.children ?? []) {
    const inside = doubledIn(child)
    if (inside !== null) return inside
  }
  return null
}

function properties(node: Node | undefined): readonly Node[] {
  return node?.type === 'object' ? (node.children ?? []) : []
}

function nameOf(property: Node): string {
  return String(property.children?.[0]?.value)
}

/** Indentation and line ends as the document has them. */
export function formatOf(text: string): { readonly step: string; readonly eol: string } {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  return { step: indent.startsWith('\t') ? '\t' : indent, eol: text.includes('\r\n') ? '\r\n' : '\n' }
}

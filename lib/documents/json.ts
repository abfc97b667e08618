import type { FormattingOptions, Node } from 'jsonc-parser'
import type { Edit } from '../model/edits.ts'
import { GitopsError } from '../model/errors.ts'
import { faultInJson } from './json-fault.ts'
import { readJson, type Json } from '../model/json.ts'

/** The value of a JSON document; undefined for an empty one. Throws `conflict`, with the place and without the text, when it does not parse. */
export function parseJson(text: string, name: string): Json | undefined {
  const plain = text.replace(/^\uFEFF/, '')
  if (plain.trim() === '') return undefined
  try {
    return readJson(plain)
  } catch {
    const { line, column } = faultInJson(plain) ?? { line: 1, column: 1 }
    throw new GitopsError('conflict', `${name}:${line}:${column} is not JSON`, {
      hint: 'Mend it first: a document that does not parse is never written to.',
    })
  }
}

/** The text with some keys set or removed; everything else keeps its bytes. An empty text becomes a document of those keys. */
export async function editJson(text: string, edits: readonly Edit[]): Promise<string> {
  const { applyEdits, modify, parseTree } = await import('jsonc-parser')
  const empty = text.trim() === ''
  const formattingOptions = formatOf(empty ? '' : text)
  const result = edits.reduce(
    (known, { path, after }) => {
      const line = oneLine(known, parseTree(known), path)
      if (line === null) return applyEdits(known, modify(known, [...path], after, { formattingOptions }))
      const changes = modify(known, [...path], after, {})
      return applyEdits(known, line === 'tight' ? changes.map((change) => ({ ...change, content: tight(change.content, path) })) : changes)
    },
    empty ? '{}' : text,
  )
  return empty ? `${result}\n` : result
}

/** The edits that meet a key which the document has twice, so that nobody can tell which one counts, each with that key. */
export async function doubledKeys(text: string, edits: readonly Edit[]): Promise<ReadonlyMap<Edit, string>> {
  const { parseTree } = await import('jsonc-parser')
  const root = parseTree(text)
  return new Map(
    edits.flatMap((edit) => {
      const key = doubledOn(root, edit.path)
      return key === null ? [] : [[edit, key]]
    }),
  )
}

function doubledOn(root: Node | undefined, path: readonly string[]): string | null {
  let node = root
  for (const key of path) {
    const found = properties(node).filter((property) => nameOf(property) === key)
    if (found.length > 1) return key
    node = found[0]?.children?.[1]
  }
  return doubledIn(node)
}

function doubledIn(node: Node | undefined): string | null {
  const names = properties(node).map(nameOf)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) return twice
  for (const child of node?.children ?? []) {
    const inside = doubledIn(child)
    if (inside !== null) return inside
  }
  return null
}

/** Whether the nearest object around a path that has keys stands on one line, and how it is set there. */
function oneLine(text: string, root: Node | undefined, path: readonly string[]): 'tight' | 'wide' | null {
  let [node, nearest] = [root, undefined as Node | undefined]
  for (const key of path) {
    if (properties(node).length > 0) nearest = node
    node = properties(node).find((property) => nameOf(property) === key)?.children?.[1]
  }
  const [first] = properties(nearest)
  if (nearest === undefined || first === undefined || /[\r\n]/.test(text.slice(nearest.offset, nearest.offset + nearest.length)))
    return null
  return first.children?.[1]?.offset === (first.colonOffset ?? 0) + 1 ? 'tight' : 'wide'
}

function properties(node: Node | undefined): readonly Node[] {
  return node?.type === 'object' ? (node.children ?? []) : []
}

function nameOf(property: Node): string {
  return String(property.children?.[0]?.value)
}

/** A property that is put into an object without blanks has none either. */
function tight(content: string, path: readonly string[]): string {
  const key = JSON.stringify(path.at(-1))
  const start = content.startsWith(',') ? 1 : 0
  return content.startsWith(`${key}: `, start) ? content.slice(0, start) + key + ':' + content.slice(start + key.length + 2) : content
}

/** Indentation and line ends as the document has them. */
export function formatOf(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  const tabs = indent.startsWith('\t')
  return { insertSpaces: !tabs, tabSize: tabs ? 1 : indent.length, eol: text.includes('\r\n') ? '\r\n' : '\n' }
}

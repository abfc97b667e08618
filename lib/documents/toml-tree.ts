import { parseTOML, type AST } from 'toml-eslint-parser'

/** Keys and places, from the root on. */
export type Way = readonly (string | number)[]

/** `key = value` on lines of its own, with the whole way to it. */
export interface Line {
  readonly way: Way
  readonly node: AST.TOMLKeyValue
  readonly table: Table | null
}

/** What stands below one header, `[a.b]` or `[[a.b]]`. */
export interface Table {
  readonly way: Way
  readonly node: AST.TOMLTable
}

/** A TOML text by its lines and headers, in their order. */
export interface Outline {
  readonly lines: readonly Line[]
  readonly tables: readonly Table[]
}

/** Parses a TOML text. Throws the parser's error, which has `lineNumber` and `column`. */
export function outlineOf(text: string): Outline {
  const [top] = parseTOML(text).body
  const lines: Line[] = []
  const tables: Table[] = []
  for (const node of top.body) {
    if (node.type === 'TOMLKeyValue') lines.push({ way: keysOf(node), node, table: null })
    else {
      const table: Table = { way: node.resolvedKey, node }
      tables.push(table)
      for (const line of node.body) lines.push({ way: [...table.way, ...keysOf(line)], node: line, table })
    }
  }
  return { lines, tables }
}

/** The keys of a line, more than one where they are dotted. */
export function keysOf({ key }: AST.TOMLKeyValue): string[] {
  return key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))
}

/** Whether a way begins with another, or is it. */
export function leads(way: Way, start: Way): boolean {
  return way.length >= start.length && start.every((step, depth) => step === way[depth])
}

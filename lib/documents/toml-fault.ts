import type { ParseError } from 'toml-eslint-parser'
import type { JsonFault } from './json-fault.ts'

/** The first fault in a TOML text, or null. An empty text is none. */
export async function faultInToml(text: string): Promise<JsonFault | null> {
  const { outlineOf } = await import('./toml-tree.ts')
  try {
    outlineOf(text)
    return null
  } catch (error) {
    if (!('lineNumber' in (error as ParseError))) throw error
    const { lineNumber, column, message } = error as ParseError
    // What a line lacks is noticed behind its end.
    if (column > 0 || lineNumber === 1 || /multiple times|duplicate/i.test(message))
      return { line: lineNumber, column: column + 1, message }
    const before = text.split('\n')[lineNumber - 2] ?? ''
    return { line: lineNumber - 1, column: before.trimEnd().length + 1, message }
  }
}

import { faultInJson } from '../documents/json-fault.ts'
import type { RelPath } from '../model/path.ts'

/** One fault of a document: where, and what the parser says. */
export interface Fault {
  readonly path: RelPath
  readonly line: number
  readonly column: number
  readonly message: string
}

/** Whether the syntax of a file is known here, by its name. */
export function isChecked(path: RelPath): boolean {
  return /\.(?:json|ya?ml)$/i.test(path)
}

/** The first fault in a JSON or YAML file, or null. An empty YAML file is fine, an empty JSON file is not. */
export async function syntaxFault(path: RelPath, bytes: Buffer): Promise<Fault | null> {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  return /\.json$/i.test(path) ? jsonFault(path, text) : yamlFault(path, text)
}

function jsonFault(path: RelPath, text: string): Fault | null {
  const fault = faultInJson(text)
  return fault === null ? null : { path, ...fault }
}

async function yamlFault(path: RelPath, text: string): Promise<Fault | null> {
  const { LineCounter, parseAllDocuments } = await import('yaml')
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, logLevel: 'silent' })
  const error = ('empty' in documents ? [documents] : documents).flatMap((document) => document.errors)[0]
  if (error === undefined) return null
  const { line, col } = lines.linePos(error.pos[0])
  return { path, line, column: col, message: error.message }
}

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
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    const message = (error as Error).message
    const before = text.slice(0, faultAt(text, message)).split('\n')
    // V8 quotes a piece of the text; the place says enough and gives nothing away.
    const plain = message.replace(/, (?:\.\.\.)?".*$/s, '').replace(/ in JSON at position.*$/s, '')
    return {
      path,
      line: before.length,
      column: (before.at(-1)?.length ?? 0) + 1,
      message: text.trim() === '' ? 'the file is empty' : plain,
    }
  }
}

/** Where V8 stopped reading. It does not tell of an unexpected token: then the longest beginning that could still become JSON does. */
function faultAt(text: string, message: string): number {
  const at = /at position (\d+)/.exec(message)?.[1]
  if (at !== undefined) return Number(at)
  let [good, bad] = [0, text.length + 1]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (couldContinue(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return good
}

function couldContinue(beginning: string): boolean {
  try {
    JSON.parse(beginning)
    return true
  } catch (error) {
    const { message } = error as Error
    return /Unexpected end|Unterminated string/.test(message) || Number(/at position (\d+)/.exec(message)?.[1]) === beginning.length
  }
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

import type { ParseError } from 'jsonc-parser'

/** Where a text stops being JSON, from 1, and what is wrong there, without a piece of the text. */
export interface JsonFault {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** The first fault in a JSON text, or null. An empty text is one. */
export function faultInJson(text: string): JsonFault | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    const message = (error as Error).message
    const before = text.slice(0, faultAt(text, message)).split('\n')
    // V8 quotes a piece of the text; the place says enough and gives nothing away.
    const plain = message.replace(/, (?:\.\.\.)?".*$/s, '').replace(/ in JSON at position.*$/s, '')
    return {
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

/** The first fault in a JSON text with comments and trailing commas, or null. An empty text is none. */
export async function faultInJsonc(text: string): Promise<JsonFault | null> {
  const { parseTree, printParseErrorCode } = await import('jsonc-parser')
  const errors: ParseError[] = []
  parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: true })
  const [error] = errors
  if (error === undefined) return null
  const before = text.slice(0, error.offset).split('\n')
  const words = printParseErrorCode(error.error).replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, message: words }
}

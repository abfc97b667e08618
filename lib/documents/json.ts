import type { FormattingOptions } from 'jsonc-parser'
import type { Edit } from '../model/edits.ts'
import { GitopsError } from '../model/errors.ts'
import { readJson, type Json } from '../model/json.ts'

/** The value of a JSON document; undefined for an empty one. Throws `conflict`, with the place and without the text, when it does not parse. */
export function parseJson(text: string, name: string): Json | undefined {
  const plain = text.replace(/^\uFEFF/, '')
  if (plain.trim() === '') return undefined
  try {
    return readJson(plain)
  } catch (error) {
    const at = /at position (\d+)/.exec((error as Error).message)?.[1]
    const before = plain.slice(0, at === undefined ? plain.length : Number(at)).split('\n')
    throw new GitopsError('conflict', `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1} is not JSON`, {
      hint: 'Mend it first: a document that does not parse is never written to.',
    })
  }
}

/** The text with some keys set or removed; everything else keeps its bytes. An empty text becomes a document of those keys. */
export async function editJson(text: string, edits: readonly Edit[]): Promise<string> {
  const { applyEdits, modify } = await import('jsonc-parser')
  const empty = text.trim() === ''
  const formattingOptions = formatOf(empty ? '' : text)
  const result = edits.reduce(
    (known, { path, after }) => applyEdits(known, modify(known, [...path], after, { formattingOptions })),
    empty ? '{}' : text,
  )
  return empty ? `${result}\n` : result
}

/** Indentation and line ends as the document has them. */
function formatOf(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  const tabs = indent.startsWith('\t')
  return { insertSpaces: !tabs, tabSize: tabs ? 1 : indent.length, eol: text.includes('\r\n') ? '\r\n' : '\n' }
}

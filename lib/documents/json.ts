import { applyEdits, modify, parse, printParseErrorCode, type FormattingOptions, type ParseError } from 'jsonc-parser'
import type { Edit, Json } from '../model/edits.ts'
import { GitopsError } from '../model/errors.ts'

/** The value of a JSON document; undefined for an empty one. Throws `conflict`, with the place and without the text, when it does not parse. */
export function parseJson(text: string, name: string): Json | undefined {
  const plain = text.replace(/^\uFEFF/, '')
  if (plain.trim() === '') return undefined
  const errors: ParseError[] = []
  const value = parse(plain, errors, { disallowComments: true, allowTrailingComma: false }) as Json | undefined
  const first = errors[0]
  if (first !== undefined) {
    const before = plain.slice(0, first.offset).split('\n')
    throw new GitopsError(
      'conflict',
      `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1} is not JSON (${printParseErrorCode(first.error)})`,
      {
        hint: 'Mend it first: a document that does not parse is never written to.',
      },
    )
  }
  return value
}

/** The text with some keys set or removed; everything else keeps its bytes. An empty text becomes a document of those keys. */
export function editJson(text: string, edits: readonly Edit[]): string {
  const empty = text.trim() === ''
  let result = empty ? '{}' : text
  for (const { path, after } of edits) {
    result = applyEdits(result, modify(result, [...path], after, { formattingOptions: formatOf(empty ? '' : text) }))
  }
  return empty ? `${result}\n` : result
}

/** Indentation and line ends as the document has them. */
function formatOf(text: string): FormattingOptions {
  const indent = /\n([ \t]+)\S/.exec(text)?.[1] ?? '  '
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  }
}

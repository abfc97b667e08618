import type * as Yaml from 'yaml'
import { fault } from '../fault.ts'
import { newComments, placeOf, type Comments } from './yaml-comments.ts'

/** What a person can do about a file that is not YAML. */
export const REPAIR = 'Correct the file, or take its last good version from Git.'

/** A YAML text taken apart, its scalars not yet typed. */
export interface Parsed {
  readonly documents: readonly Yaml.Document.Parsed[]
  readonly comments: Comments
  /** Where the text ends when its last line does not, else -1. */
  readonly open: number
  /** Whether another text than the one given had to be read. */
  readonly repaired: boolean
}

/** The documents and comments of a YAML text. Throws `syntax`, with the place and nothing of the text. */
export function parseYaml(yaml: typeof Yaml, text: string): Parsed {
  let { documents, comments } = parse(yaml, text)
  const repaired = documents.some(({ errors }) => errors[0]?.code === 'BAD_INDENT')
  if (repaired) ({ documents, comments } = parse(yaml, closedEarly(text)))
  for (const { errors } of documents) {
    const [first] = errors
    if (first !== undefined) throw wrongYaml(comments, first.pos[0], first.code.toLowerCase().replaceAll('_', ' '))
  }
  return { documents, comments, open: /[^\s][ \t]*$/.test(text) ? text.length : -1, repaired }
}

/** The fault of a YAML text at an offset. */
export function wrongYaml(comments: Comments, offset: number, what: string, kind: 'syntax' | 'plaintext' = 'syntax'): Error {
  const { line, column } = placeOf(comments, offset)
  return fault(kind, `is not valid YAML: ${what} at line ${line + 1}, column ${column + 1}`, { hint: REPAIR })
}

/** Read once for both: whoever listens for comments knows what not to parse before it is parsed. */
function parse(yaml: typeof Yaml, text: string): Pick<Parsed, 'documents' | 'comments'> {
  const { comments, hear } = newComments(text)
  const parser = new yaml.Parser()
  const options = { schema: 'failsafe', merge: false, resolveKnownTags: false, uniqueKeys: false, version: '1.2' } as const
  return { documents: Array.from(new yaml.Composer(options).compose(tokens())), comments }

  function* tokens(): Generator<Yaml.CST.Token, void> {
    for (const lexeme of new yaml.Lexer().lex(text)) {
      hear(lexeme)
      yield* parser.next(lexeme)
    }
    yield* parser.end()
  }
}

/**
 * SOPS prints an empty mapping with a comment as one whose bracket stands at the beginning of a line, which no other reader
 * takes for part of it. Closed before the comment, in a text of the same length, it means what SOPS meant.
 */
function closedEarly(text: string): string {
  return text.replaceAll(/\{\n((?:[ \t]+#[^\n]*\n)+)\}(?=[ \t]*(?:#[^\n]*)?(?:\n|$))/g, '{}$1 ')
}

import type * as Yaml from 'yaml'
import { fault } from '../fault.ts'
import type { Branch, Value } from './document.ts'
import { commentsBefore, placeOf, type Comments } from './yaml-comments.ts'
import { readScalar } from './yaml-leaf.ts'
import { parseYaml, REPAIR } from './yaml-parse.ts'
import type { Block } from './yaml-owners.ts'
import type { AliasSpot, YamlSource } from './yaml-spot.ts'
import { readMap } from './yaml-tree.ts'
import { writeYaml } from './yaml-write.ts'

/**
 * The documents of a YAML text, typed as SOPS types them, with their comments. Aliases become copies.
 * Throws `syntax` or `plaintext`, with the place and nothing of the text.
 */
export async function readYamlSource(text: string): Promise<YamlSource> {
  const yaml = await import('yaml')
  try {
    const { documents, comments, open, repaired } = parseYaml(yaml, text)
    const found = { kept: !repaired, step: 0, blockStep: 0, movedComment: false, aliases: [] }
    const read = documents.map((document, index) => {
      const limit = documents[index + 1] === undefined ? text.length : document.range[2]
      const reader = {
        yaml,
        text,
        comments,
        open,
        found,
        isFirst: index === 0,
        anchors: new Map<string, Value | undefined>(),
        copied: 0,
        blocks: [],
        end: limit,
        flow: 0,
      }
      return readDocument(reader, document.contents, limit)
    })
    const ends = documents.map((document, index) => {
      const { contents } = document
      const isFlow = yaml.isMap(contents) && contents.flow === true
      const column = yaml.isMap(contents) && read[index]?.items.length !== 0 ? placeOf(comments, contents.range[0]).column : 0
      return { offset: endOf(text, contents === null ? document.range[0] : contents.range[1]), column, isFlow }
    })
    const step = found.step || found.blockStep
    // Where SOPS puts back the comments that it has made items of, depends on what is around them.
    const isOurs = !found.movedComment || writeYaml(read, step || undefined) !== text
    return { text, documents: read, kept: found.kept && isOurs, step, ends, aliases: found.aliases }
  } catch (error) {
    // Nesting so deep that the stack ends.
    if (error instanceof RangeError) throw fault('syntax', 'is not valid YAML: the nesting is too deep', { hint: REPAIR })
    throw error
  }
}

/** The documents alone. Throws as `readYamlSource` does. */
export async function readYaml(text: string): Promise<Branch[]> {
  return (await readYamlSource(text)).documents
}

/** One document being read. */
export interface Reader {
  readonly yaml: typeof Yaml
  readonly text: string
  readonly comments: Comments
  /** Where the text ends when its last line does not, else -1. */
  readonly open: number
  /** What is learnt of the whole text: whether it can be kept, and how far it indents. */
  readonly found: { kept: boolean; step: number; blockStep: number; movedComment: boolean; readonly aliases: AliasSpot[] }
  /** The first document: SOPS refuses a key that is there twice, or a merge of what is no mapping, in it and only there. */
  readonly isFirst: boolean
  readonly anchors: Map<string, Value | undefined>
  copied: number
  /** The blocks around, the outermost first, and where the document ends. */
  readonly blocks: Block[]
  readonly end: number
  /** How many collections in flow style are around. */
  flow: number
}

function readDocument(reader: Reader, contents: Yaml.ParsedNode | null, limit: number): Branch {
  if (reader.yaml.isMap(contents)) {
    reader.flow = Number(contents.flow === true)
    // A block behind the last member would come between it and a comment that follows.
    const [start, end] = contents.range
    if (reader.flow > 0 && reader.comments.found.some(({ offset }) => offset > start && offset < end)) reader.found.kept = false
    return { ...readMap(reader, contents, -1, limit), at: { start, end } }
  }
  const empty = contents === null || (reader.yaml.isScalar(contents) && readScalar(reader, contents) === null)
  if (!empty) throw fault('syntax', 'has a document that is not a mapping of keys to values, which SOPS cannot encrypt')
  // There is no place for a block behind a null that is written out.
  if (contents !== null && contents.range[0] !== contents.range[1]) reader.found.kept = false
  return { kind: 'branch', items: commentsBefore(reader.comments, limit) }
}

/** Where a document's own lines end: behind its last comment, before the blank lines and the marks that part documents. */
function endOf(text: string, from: number): number {
  const nextLine = (at: number): number => (text.indexOf('\n', at) + 1 || text.length + 1) - 1 + Number(text.includes('\n', at))
  let at = from === 0 || text[from - 1] === '\n' ? from : nextLine(from)
  let end = at
  while (at < text.length) {
    const next = nextLine(at)
    const line = text.slice(at, next)
    if (/^(?:---|\.\.\.)\s/.test(`${line} `) && at !== 0) break
    if (line.trim() !== '') end = next
    at = next
  }
  return end
}

import { branch, isComment, item, type Branch, type Item } from './document.ts'
import { commentToken, readDotenv, valueToken, writeDotenv } from './dotenv.ts'
import { flatText } from './flat-text.ts'
import { flatten, unflatten } from './flatten.ts'
import type { Change, Edit, Source, Store, Taken } from './format.ts'
import { METADATA_KEY } from './metadata.ts'

const PREFIX = `${METADATA_KEY}_`

/** Dotenv: a line a value, and a line for each field of the block. */
export const dotenvStore: Store = {
  read: (text) => ({ text, documents: [readDotenv(text)], kept: true }),
  write: ([document = branch()], block) => writeDotenv(block === null ? document : branch(...document.items, ...fields(block))),
  layoutOf: () => null,
  conceal: (_, { at, encrypted }) => [{ start: at.start, end: at.end, text: encrypted }],
  reveal: (_, { at, clear }) => [{ start: at.start, end: at.end, text: token(clear) }],
  addBlock,
  takeBlock,
}

function token(clear: Change['clear']): string {
  return isComment(clear) ? commentToken(clear.text) : valueToken(flatText(clear, 'a value', 'dotenv'))
}

function fields(block: Branch): Item[] {
  return flatten(block).map(([name, text]) => item(PREFIX + name, text))
}

/** A text without a last line feed is none with its block either: so the one that the block needs can be told when it goes. */
function addBlock({ text }: Source, block: Branch): Edit[] {
  const lines = writeDotenv(branch(...fields(block)))
  const open = text !== '' && !text.endsWith('\n')
  return [{ start: text.length, end: text.length, text: open ? `\n${lines.slice(0, -1)}` : lines }]
}

function takeBlock({ text, documents }: Source): Taken | null {
  const items = documents[0]?.items ?? []
  const isField = (entry: (typeof items)[number]): entry is Item => entry.kind === 'item' && entry.key.startsWith(PREFIX)
  const found = items.filter(isField)
  if (found.length === 0) return null
  const block = unflatten(found.map(({ key, value }) => [key.slice(PREFIX.length), flatText(value, key, 'text')]))
  const edits = found.map(({ keyAt = 0, at }) => ({ start: keyAt, end: Math.min((at?.end ?? keyAt) + 1, text.length), text: '' }))
  if (!text.endsWith('\n')) edits.push(...lineFeedBefore(edits, text.length))
  return { block, documents: [branch(...items.filter((entry) => !isField(entry)))], edits }
}

/** The one before the lines that end a text. */
function lineFeedBefore(edits: readonly Edit[], length: number): { start: number; end: number; text: string }[] {
  let end = length
  for (const edit of edits.toReversed()) if (edit.end === end) end = edit.start
  return end < length && end > 0 ? [{ start: end - 1, end, text: '' }] : []
}

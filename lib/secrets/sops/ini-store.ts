import { fault } from '../fault.ts'
import { branch, isBranch, isComment, item, type Branch, type Comment, type Item, type Spot } from './document.ts'
import { flatText } from './flat-text.ts'
import { flatten, unflatten } from './flatten.ts'
import type { Change, Edit, Source, Store, Taken } from './format.ts'
import { commentParts, crashes, iniTree, type CommentSpot } from './ini.ts'
import { scanIni } from './ini-scan.ts'
import { iniToken, writeIni } from './ini-write.ts'
import { METADATA_KEY } from './metadata.ts'

/** INI: sections of keys; the block is the last section. */
export const iniStore: Store = {
  read,
  write: ([document = branch()], block) => writeIni(block === null ? document : branch(...document.items, section(block))),
  layoutOf: () => null,
  conceal,
  reveal,
  addBlock,
  takeBlock,
}

/** A tab behind a comment's mark, which keeps SOPS from crashing over it. */
const GUARD = '\t'

function read(text: string): Source {
  const scan = scanIni(text)
  for (const { name, keys } of scan.sections) {
    const seen = new Set<string>()
    for (const key of keys) {
      if (seen.has(key.name)) throw twice(key.name, name)
      seen.add(key.name)
    }
  }
  return { text, documents: [iniTree(scan, text)], kept: true }
}

/** Quotes stay, so that they are there again afterwards; but for those that would be anyway, so that a file is what SOPS makes of it. */
function conceal({ text }: Source, { at, clear, encrypted }: Change): Edit[] {
  if (!isComment(clear)) {
    const [token, value] = [text.slice(at.start, at.end), flatText(clear, 'a value', 'INI')]
    const quote = token === iniToken(value, 'a value', '') ? '' : quoteOf(token, value)
    return [{ start: at.start, end: at.end, text: quote + encrypted + quote }]
  }
  const { behind, kind } = at as CommentSpot
  // Its mark stays behind the value: without it, a value in clear might read as another.
  const rest = behind === null ? [] : [{ start: behind.start + 1, end: behind.end, text: '' }]
  return [{ start: at.start, end: at.end, text: kind === 'header' ? `; ${encrypted}${lineFeed(text)}` : encrypted }, ...rest]
}

function reveal({ text }: Source, { at, clear, encrypted }: Change): Edit[] {
  if (!isComment(clear)) {
    const quote = quoteOf(text.slice(at.start, at.end), encrypted)
    return [{ start: at.start, end: at.end, text: iniToken(flatText(clear, 'a value', 'INI'), 'a value', quote) }]
  }
  const { ownerEnd, kind, behind: rest } = at as CommentSpot
  const { above, behind } = commentParts(clear)
  // What has come to stand behind a value has one line.
  if (kind === 'behind') return [{ start: at.start, end: at.end, text: [...(above ?? []), behind ?? ''].join(' ').trimEnd() }]
  const lines = behind === null || ownerEnd !== null ? (above ?? []) : [...(above ?? []), behind]
  const own = { start: at.start, end: at.end, text: lines.join(lineFeed(text.slice(at.end))) }
  const others = behind === null || ownerEnd === null ? [] : [{ start: ownerEnd, end: rest?.end ?? ownerEnd, text: behind }]
  return [above === null && others.length > 0 ? wholeLine(text, at) : own, ...others]
}

/** The line that was put there for a comment. */
function wholeLine(text: string, { start, end }: Spot): Edit {
  const next = text.indexOf('\n', end)
  return { start: text.lastIndexOf('\n', start - 1) + 1, end: next < 0 ? text.length : next + 1, text: '' }
}

/** How lines end in a text. */
function lineFeed(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n'
}

/** The quotes that a token has around a text, if they are all that it has besides. */
function quoteOf(token: string, text: string): string {
  const quote = /^(?:"""|[`"'])/.exec(token)?.[0] ?? ''
  return token === quote + text + quote ? quote : ''
}

function section(block: Branch): Item {
  // An INI file can hold line feeds, but most versions of SOPS read these two characters only.
  return item(METADATA_KEY, branch(...flatten(block).map(([name, text]) => item(name, text.replaceAll('\n', '\\n')))))
}

/** A text without a last line feed is none with its block either: so the one that the block needs can be told when it goes. */
function addBlock({ text, documents }: Source, block: Branch, changes: readonly Change[]): Edit[] {
  const end = lineFeed(text)
  const lines = writeIni(branch(section(block))).replaceAll('\n', end)
  const isOpen = text !== '' && !text.endsWith('\n')
  const between = text === '' ? '' : isOpen ? end + end : end
  const written = between + (isOpen ? lines.slice(0, -end.length) : lines)
  const concealed = new Set<Spot>(changes.map(({ at }) => at))
  const bare = spotsIn(documents[0]).filter(({ comment, at }) => at.kind === 'own' && crashes(comment) && !concealed.has(at))
  const guards = bare.map(({ at: { start } }) => ({ start, end: start, text: GUARD }))
  return [...guards, { start: text.length, end: text.length, text: written }]
}

function takeBlock({ text, documents }: Source): Taken | null {
  const items = documents[0]?.items ?? []
  const isBlock = (entry: Item | Comment): entry is Item => entry.kind === 'item' && entry.key === METADATA_KEY
  const [found, second] = items.filter(isBlock)
  if (found === undefined || !isBranch(found.value)) return null
  if (second !== undefined) throw fault('metadata', `has two sections [${METADATA_KEY}]`)
  const fields = found.value.items.filter((entry) => entry.kind === 'item')
  const block = unflatten(fields.map(({ key, value }) => [key, flatText(value, key, 'text').replaceAll('\\n', '\n')]))
  // What stands above the block belonged to nothing before the block was there.
  const above = found.value.items.slice(0, 1).filter((entry) => entry.kind === 'comment')
  const guards = spotsIn(documents[0]).filter(({ at }) => at.kind === 'own' && /^\t *\r?\n/.test(text.slice(at.start, at.start + 80)))
  const rest = items.filter((entry) => !isBlock(entry))
  return {
    block,
    documents: [branch(...rest, ...above)],
    edits: [
      ...guards.map(({ at }) => ({ start: at.start, end: at.start + GUARD.length, text: '' })),
      removal(text, found.at ?? { start: 0, end: 0 }),
    ],
  }
}

/** The section, the empty line before it, those that old versions of SOPS put behind it, and the line feed before that where the text has none at its end. */
function removal(text: string, { start, end }: { start: number; end: number }): Edit {
  const before = text.slice(Math.max(0, start - 4), start)
  const blank = /\n(\r?\n)$/.exec(before)?.[1]?.length ?? 0
  const rest = text.slice(end)
  const isOpen = end === text.length && !text.endsWith('\n')
  const open = isOpen ? (/\r?\n$/.exec(before.slice(0, before.length - blank))?.[0].length ?? 0) : 0
  return { start: start - blank - open, end: rest.trim() === '' ? text.length : end, text: '' }
}

function spotsIn(map: Branch = branch()): { comment: Comment; at: CommentSpot }[] {
  return map.items.flatMap((entry) => {
    if (entry.kind === 'comment') return entry.at === undefined ? [] : [{ comment: entry, at: entry.at as CommentSpot }]
    return isBranch(entry.value) ? spotsIn(entry.value) : []
  })
}

function twice(key: string, name: string): Error {
  return fault('syntax', `has the key ${JSON.stringify(key)} twice in the section [${name}], of which SOPS would keep the last only`, {
    hint: 'Remove all but one.',
  })
}

/** A collection in lines of its own that is open at some place. */
export interface Block {
  /** Of its keys or dashes, from 0. */
  readonly column: number
  /** A list whose dashes stand right below the key it belongs to is `flush`. */
  readonly kind: 'map' | 'list' | 'flush'
}

/** What is around the comments between the end of a block and what comes next. */
export interface Gap {
  /** All that are open before it, the outermost first. */
  readonly blocks: readonly Block[]
  /** Where the last content ended, and what it was: a value, the colon or the dash of an empty one, or the tag or anchor of one. */
  readonly last: { readonly line: number; readonly kind: 'content' | 'colon' | 'dash' }
  /** What comes behind the comments. */
  readonly next: { readonly line: number; readonly column: number; readonly isDash: boolean }
  /** Lines end with CR and LF, which the parser of SOPS takes for an empty line behind each comment. */
  readonly isWide: boolean
}

/** A line of comment. */
export interface Line {
  readonly line: number
  readonly column: number
  /** Nothing but blanks stands before it. */
  readonly alone: boolean
}

/** Lines that SOPS takes for one comment. */
interface Group {
  readonly from: number
  readonly to: number
  readonly column: number
  /** At the foot of what went before, from this place on; or at the head of what follows. Places are indices of lines. */
  readonly kind: 'foot' | 'head'
  readonly mark: number
}

/** The place of the last content: before all lines. */
const LAST = -1

/**
 * Which block each line belongs to, as an index of `blocks`. A comment is encrypted for the keys around it, and SOPS decrypts it for
 * those around which it sees it: so these are the rules of its parser, odd as some are.
 */
export function owners(lines: readonly Line[], gap: Gap): number[] {
  const { blocks, next } = gap
  const found = groups(lines, gap)
  const owned = lines.map(() => 0)
  let taken = 0
  let waiting: Group[] = []
  let depth = blocks.length - 1

  const take = (place: number): void => {
    for (let group = found[taken]; group?.kind === 'foot' && group.mark <= place; group = found[taken]) {
      waiting.push(group)
      taken += 1
    }
  }
  const give = (): void => {
    for (const { from, to } of waiting) owned.fill(depth, from, to)
    waiting = []
  }

  take(LAST)
  if (gap.last.kind === 'content') give()
  let place = LAST / 2
  for (let block = blocks[depth]; block !== undefined && isClosed(block, next); block = blocks[depth]) {
    const { column, kind } = block
    // A block ends before the first comment that stands where its keys do.
    if (kind !== 'flush') place = found.find((group) => group.column === column)?.from ?? place
    take(place)
    if (kind === 'map') give()
    depth -= 1
  }
  waiting.push(...found.slice(taken))
  give()
  return owned
}

function isClosed({ column, kind }: Block, next: Gap['next']): boolean {
  return column > next.column || (kind === 'flush' && column === next.column && !next.isDash)
}

function groups(lines: readonly Line[], { blocks, last, next, isWide }: Gap): Group[] {
  const found: Group[] = []
  const indent = blocks.at(-1)?.column ?? 0
  const [first] = lines
  // Only before the first empty line.
  let isNear = (first?.line ?? 0) - last.line <= 1
  const footLine = last.line + (first?.alone === false ? 2 : 1)
  let [from, mark] = [0, LAST]

  const add = (kind: Group['kind'], to: number): void => {
    found.push({ kind, from, to, mark, column: lines[from]?.column ?? 0 })
    from = to
    mark = to - 0.5
  }

  for (const [index, { line, column }] of lines.entries()) {
    if (index > from && column < indent && column !== lines[from]?.column) add('foot', index)
    const start = lines[from] ?? { line, column }
    if (!isWide && (lines[index + 1] ?? next).line - line <= 1) continue
    const isFurtherOut = start.column < indent
    if (isNear && (isFurtherOut || (start.line === footLine && last.kind !== 'colon'))) {
      if (isFurtherOut) mark = from
      add('foot', index + 1)
    }
    isNear = false
  }
  if (from === lines.length) return found
  if (next.column < indent && next.column !== lines[from]?.column) add('foot', lines.length)
  else {
    mark = from
    add('head', lines.length)
  }
  return found
}

import type { Documents } from './document.ts'
import { blockHints, chooseStyle, doubleQuoted, isSimpleKey } from './yaml-style.ts'
import { breakLine, newOutput, print, printContent, printMark, startLine, type YamlOutput } from './yaml-output.ts'
import { mapNode, type MapNode, type ScalarNode, type SeqNode, type YamlNode } from './yaml-nodes.ts'

/** How far SOPS indents. */
export const DEFAULT_STEP = 4

/** The column where what is in a mapping at a column begins. */
export function nextStop(column: number, step: number): number {
  return step * Math.floor((column + step) / step)
}

/** What a node is part of; it decides how far its content is indented. */
type Parent = 'root' | 'map' | 'seq'

/** The documents as YAML, byte for byte as SOPS prints them: four blanks unless said otherwise, no folding, comments where they were. */
export function writeYaml(documents: Documents, step = DEFAULT_STEP): string {
  const writer: Writer = { out: newOutput(), step, head: '', line: '', foot: '', tail: '' }
  documents.forEach((document, index) => writeDocument(writer, mapNode(document), index === 0))
  return writer.out.parts.join('')
}

/**
 * The emitter of the YAML library below SOPS, as far as its output can be seen: where lines break and blanks go, and
 * what happens to comments that wait while nodes open and close.
 */
interface Writer {
  /** How many blanks a level is indented by, from 2 to 9. */
  readonly step: number
  readonly out: YamlOutput
  head: string
  line: string
  foot: string
  tail: string
}

function writeDocument(writer: Writer, root: MapNode, first: boolean): void {
  if (!first) {
    startLine(writer.out)
    printMark(writer.out, '---', true)
    startLine(writer.out)
  }
  opens(writer, root)
  headComments(writer)
  writeNode(writer, root, 'root')
  writer.out.footIndent = 0
  footComment(writer)
  writer.out.footIndent = -1
  startLine(writer.out)
}

/** A node begins: its comments wait for their places. Those behind a collection come when it ends. */
function opens(writer: Writer, node: YamlNode): void {
  waitsAbove(writer, node)
  if (node.kind === 'scalar') closes(writer, node)
}

function waitsAbove(writer: Writer, { head }: YamlNode): void {
  // SOPS loses the comment above a list when its first item begins with another; ours keeps both.
  if (head !== '') writer.head = writer.head === '' ? head : `${writer.head}\n${head}`
}

function closes(writer: Writer, node: YamlNode): void {
  if (node.line !== '') writer.line = node.line
  if (node.foot !== '') writer.foot = node.foot
}

function writeNode(writer: Writer, node: YamlNode, parent: Parent): void {
  if (node.kind === 'scalar') {
    writeScalar(writer, node, parent, false)
    commentsBehind(writer)
  } else if (node.kind === 'map') {
    if (node.entries.length === 0) return writeEmpty(writer, node, '{}')
    commentsBehind(writer)
    writeMap(writer, node, parent)
  } else {
    if (node.items.length === 0) return writeEmpty(writer, node, '[]')
    commentsBehind(writer)
    writeSeq(writer, node, parent)
  }
}

/** SOPS prints the comments of an empty mapping within its brackets, in a way that no reader takes; behind them they are read as the same. */
function writeEmpty(writer: Writer, node: MapNode | SeqNode, brackets: string): void {
  printMark(writer.out, brackets, true)
  closes(writer, node)
  writer.line = [writer.head, writer.line].filter((lines) => lines !== '').join('\n')
  writer.head = ''
  commentsBehind(writer)
}

function writeMap(writer: Writer, node: MapNode, parent: Parent): void {
  indented(writer, parent, false, () => {
    for (const { key, value } of node.entries) {
      waitsAbove(writer, key)
      headComments(writer)
      startLine(writer.out)
      writeKey(writer, key)
      opens(writer, value)
      writeNode(writer, value, 'map')
    }
    writer.tail = node.entries.at(-1)?.key.foot ?? ''
    closes(writer, node)
    headComments(writer)
  })
}

function writeKey(writer: Writer, key: ScalarNode): void {
  if (isSimpleKey(key)) {
    writeScalar(writer, key, 'map', true)
    return printMark(writer.out, ':', false)
  }
  printMark(writer.out, '?', true, false, true)
  writeScalar(writer, key, 'map', false)
  startLine(writer.out)
  printMark(writer.out, ':', true, false, true)
}

function writeSeq(writer: Writer, node: SeqNode, parent: Parent): void {
  indented(writer, parent, false, () => {
    for (const child of node.items) {
      opens(writer, child)
      headComments(writer)
      startLine(writer.out)
      printMark(writer.out, '-', true, false, true)
      writeNode(writer, child, 'seq')
      // SOPS lets a comment that ends a list of mappings slip into whatever comes next.
      commentsBehind(writer)
    }
    closes(writer, node)
  })
}

function writeScalar(writer: Writer, node: ScalarNode, parent: Parent, simpleKey: boolean): void {
  const style = chooseStyle(node, simpleKey)
  if (node.tag !== '') printMark(writer.out, node.tag, true)
  if (style === 'literal') return writeLiteral(writer, node, parent)
  if (style === 'double') return printMark(writer.out, `"${doubleQuoted(node.text)}"`, true)
  if (node.text !== '') printMark(writer.out, style === 'single' ? `'${node.text.replaceAll("'", "''")}'` : node.text, true)
}

function writeLiteral(writer: Writer, node: ScalarNode, parent: Parent): void {
  const around = writer.out.indent
  indented(writer, parent, true, () => {
    printMark(writer.out, '|', true)
    printMark(writer.out, blockHints(node.text, writer.out.indent - Math.max(around, 0)), false)
    if (writer.line === '') breakLine(writer.out)
    else lineComment(writer)
    writer.out.blankBefore = true
    const lines = node.text.split('\n')
    lines.forEach((line, index) => {
      if (line !== '') {
        startLine(writer.out)
        printContent(writer.out, line)
      }
      if (index < lines.length - 1) breakLine(writer.out)
    })
  })
}

function indented(writer: Writer, parent: Parent, flow: boolean, write: () => void): void {
  const before = writer.out.indent
  if (before < 0) writer.out.indent = flow ? writer.step : 0
  // Content of a list item stands right behind its dash, everything else at the next stop.
  else writer.out.indent = parent === 'seq' ? before + 2 : nextStop(before, writer.step)
  write()
  writer.out.indent = before
}

function commentsBehind(writer: Writer): void {
  lineComment(writer)
  footComment(writer)
}

function headComments(writer: Writer): void {
  if (writer.tail !== '') {
    startLine(writer.out)
    writeComment(writer, writer.tail)
    writer.tail = ''
    writer.out.footIndent = Math.max(writer.out.indent, 0)
  }
  if (writer.head === '') return
  startLine(writer.out)
  writeComment(writer, writer.head)
  writer.head = ''
}

function lineComment(writer: Writer): void {
  if (writer.line === '') return
  const { column, blankBefore, lineIsIndent } = writer.out
  // Behind the text of a block it would be part of it.
  if (column === 0 || (blankBefore && !lineIsIndent)) startLine(writer.out)
  else if (!blankBefore) print(writer.out, ' ')
  writeComment(writer, writer.line)
  writer.line = ''
}

function footComment(writer: Writer): void {
  if (writer.foot === '') return
  startLine(writer.out)
  writeComment(writer, writer.foot)
  writer.foot = ''
  writer.out.footIndent = Math.max(writer.out.indent, 0)
}

function writeComment(writer: Writer, text: string): void {
  text.split(/\r\n|[\n\r\u0085\u2028\u2029]/).forEach((line, index) => {
    if (index > 0) startLine(writer.out)
    printContent(writer.out, line.startsWith('#') ? line : `# ${line}`)
    breakLine(writer.out)
  })
  writer.out.blankBefore = true
}

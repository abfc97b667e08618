/** The text of a YAML file as it grows, and where on its line the writer stands. */
export interface YamlOutput {
  readonly parts: string[]
  column: number
  /** How far lines begin; -1 before a document's root. */
  indent: number
  /** A blank, or nothing, stands before: no blank is needed. */
  blankBefore: boolean
  /** Only indentation and dashes stand on the line so far. */
  lineIsIndent: boolean
  /** How far a comment was indented that ended something; -1 for none. */
  footIndent: number
}

/** An empty text. */
export function newOutput(): YamlOutput {
  return { parts: [], column: 0, indent: -1, blankBefore: true, lineIsIndent: true, footIndent: -1 }
}

/** Text that is content, not syntax. */
export function printContent(out: YamlOutput, text: string): void {
  print(out, text)
  out.lineIsIndent = false
}

/** Goes to where the next thing of the document begins. */
export function startLine(out: YamlOutput): void {
  const indent = Math.max(out.indent, 0)
  if (!out.lineIsIndent || out.column > indent || (out.column === indent && !out.blankBefore)) breakLine(out)
  // A comment that ends something is kept apart from what follows.
  if (out.footIndent === indent) breakLine(out)
  if (out.column < indent) print(out, ' '.repeat(indent - out.column))
  out.blankBefore = true
  out.footIndent = -1
}

/** Syntax, with a blank before it where it must stand `apart`. */
export function printMark(out: YamlOutput, text: string, apart: boolean, blankAfter = false, isIndent = false): void {
  if (apart && !out.blankBefore) print(out, ' ')
  print(out, text)
  out.blankBefore = blankAfter
  out.lineIsIndent = out.lineIsIndent && isIndent
}

/** Text, whatever it is. */
export function print(out: YamlOutput, text: string): void {
  out.parts.push(text)
  out.column += text.length
}

/** Ends the line. */
export function breakLine(out: YamlOutput): void {
  out.parts.push('\n')
  out.column = 0
  out.lineIsIndent = true
}

/** The text of a YAML file as it grows, and where on its line the writer stands. */
export class YamlOutput {
  readonly #parts: string[] = []
  column = 0
  /** How far lines begin; -1 before a document's root. */
  indent = -1
  /** A blank, or nothing, stands before: no blank is needed. */
  blankBefore = true
  /** Only indentation and dashes stand on the line so far. */
  lineIsIndent = true
  /** How far a comment was indented that ended something; -1 for none. */
  footIndent = -1

  text(): string {
    return this.#parts.join('')
  }

  /** Text that is content, not syntax. */
  write(text: string): void {
    this.put(text)
    this.lineIsIndent = false
  }

  newLine(): void {
    const indent = Math.max(this.indent, 0)
    if (!this.lineIsIndent || this.column > indent || (this.column === indent && !this.blankBefore)) this.break()
    // A comment that ends something is kept apart from what follows.
    if (this.footIndent === indent) this.break()
    if (this.column < indent) this.put(' '.repeat(indent - this.column))
    this.blankBefore = true
    this.footIndent = -1
  }

  mark(text: string, apart: boolean, blankAfter = false, isIndent = false): void {
    if (apart && !this.blankBefore) this.put(' ')
    this.put(text)
    this.blankBefore = blankAfter
    this.lineIsIndent = this.lineIsIndent && isIndent
  }

  put(text: string): void {
    this.#parts.push(text)
    this.column += text.length
  }

  break(): void {
    this.#parts.push('\n')
    this.column = 0
    this.lineIsIndent = true
  }
}

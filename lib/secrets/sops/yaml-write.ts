import type { Documents } from './document.ts'
import { blockHints, chooseStyle, doubleQuoted, isSimpleKey } from './yaml-style.ts'
import { YamlOutput } from './yaml-output.ts'
import { mapNode, type MapNode, type ScalarNode, type SeqNode, type YamlNode } from './yaml-nodes.ts'

const INDENT = 4

/** What a node is part of; it decides how far its content is indented. */
type Parent = 'root' | 'map' | 'seq'

/** The documents as YAML, byte for byte as SOPS prints them: four blanks, no folding, comments where they were. */
export function writeYaml(documents: Documents): string {
  const writer = new YamlWriter()
  documents.forEach((document, index) => writer.document(mapNode(document), index === 0))
  return writer.text()
}

/**
 * The emitter of the YAML library below SOPS, as far as its output can be seen: where lines break and blanks go, and
 * what happens to comments that wait while nodes open and close.
 */
class YamlWriter {
  readonly #out = new YamlOutput()
  #head = ''
  #line = ''
  #foot = ''
  #tail = ''

  text(): string {
    return this.#out.text()
  }

  document(root: MapNode, first: boolean): void {
    if (!first) {
      this.#out.newLine()
      this.#out.mark('---', true)
      this.#out.newLine()
    }
    this.#opens(root)
    this.#headComments()
    this.#node(root, 'root')
    this.#out.footIndent = 0
    this.#footComment()
    this.#out.footIndent = -1
    this.#out.newLine()
  }

  /** A node begins: its comments wait for their places. Those behind a collection come when it ends. */
  #opens(node: YamlNode): void {
    this.#above(node)
    if (node.kind === 'scalar') this.#closes(node)
  }

  #above({ head }: YamlNode): void {
    // SOPS loses the comment above a list when its first item begins with another; ours keeps both.
    if (head !== '') this.#head = this.#head === '' ? head : `${this.#head}\n${head}`
  }

  #closes(node: YamlNode): void {
    if (node.line !== '') this.#line = node.line
    if (node.foot !== '') this.#foot = node.foot
  }

  #node(node: YamlNode, parent: Parent): void {
    if (node.kind === 'scalar') {
      this.#scalar(node, parent, false)
      this.#behind()
    } else if (node.kind === 'map') {
      if (node.entries.length === 0) return this.#empty(node, '{', '}', parent)
      this.#behind()
      this.#map(node, parent)
    } else {
      if (node.items.length === 0) return this.#empty(node, '[', ']', parent)
      this.#behind()
      this.#seq(node, parent)
    }
  }

  #empty(node: MapNode | SeqNode, before: string, after: string, parent: Parent): void {
    this.#out.mark(before, true, true)
    this.#closes(node)
    if (node.kind === 'map') this.#indented(parent, true, () => this.#headComments())
    else if (this.#out.column === 0) this.#out.newLine()
    this.#out.mark(after, false)
    this.#behind()
  }

  #map(node: MapNode, parent: Parent): void {
    this.#indented(parent, false, () => {
      for (const { key, value } of node.entries) {
        this.#above(key)
        this.#headComments()
        this.#out.newLine()
        this.#key(key)
        this.#opens(value)
        this.#node(value, 'map')
      }
      this.#tail = node.entries.at(-1)?.key.foot ?? ''
      this.#closes(node)
      this.#headComments()
    })
  }

  #key(key: ScalarNode): void {
    if (isSimpleKey(key)) {
      this.#scalar(key, 'map', true)
      return this.#out.mark(':', false)
    }
    this.#out.mark('?', true, false, true)
    this.#scalar(key, 'map', false)
    this.#out.newLine()
    this.#out.mark(':', true, false, true)
  }

  #seq(node: SeqNode, parent: Parent): void {
    this.#indented(parent, false, () => {
      for (const child of node.items) {
        this.#opens(child)
        this.#headComments()
        this.#out.newLine()
        this.#out.mark('-', true, false, true)
        this.#node(child, 'seq')
        // SOPS lets a comment that ends a list of mappings slip into whatever comes next.
        this.#behind()
      }
      this.#closes(node)
    })
  }

  #scalar(node: ScalarNode, parent: Parent, simpleKey: boolean): void {
    const style = chooseStyle(node, simpleKey)
    if (node.tag !== '') this.#out.mark(node.tag, true)
    if (style === 'literal') return this.#literal(node, parent)
    if (style === 'double') return this.#out.mark(`"${doubleQuoted(node.text)}"`, true)
    if (node.text !== '') this.#out.mark(style === 'single' ? `'${node.text.replaceAll("'", "''")}'` : node.text, true)
  }

  #literal(node: ScalarNode, parent: Parent): void {
    const around = this.#out.indent
    this.#indented(parent, true, () => {
      this.#out.mark('|', true)
      this.#out.mark(blockHints(node.text, this.#out.indent - Math.max(around, 0)), false)
      if (this.#line === '') this.#out.break()
      else this.#lineComment()
      this.#out.blankBefore = true
      const lines = node.text.split('\n')
      lines.forEach((line, index) => {
        if (line !== '') {
          this.#out.newLine()
          this.#out.write(line)
        }
        if (index < lines.length - 1) this.#out.break()
      })
    })
  }

  #indented(parent: Parent, flow: boolean, write: () => void): void {
    const before = this.#out.indent
    if (before < 0) this.#out.indent = flow ? INDENT : 0
    // Content of a list item stands right behind its dash, everything else at the next stop.
    else this.#out.indent = parent === 'seq' ? before + 2 : INDENT * Math.floor((before + INDENT) / INDENT)
    write()
    this.#out.indent = before
  }

  #behind(): void {
    this.#lineComment()
    this.#footComment()
  }

  #headComments(): void {
    if (this.#tail !== '') {
      this.#out.newLine()
      this.#comment(this.#tail)
      this.#tail = ''
      this.#out.footIndent = Math.max(this.#out.indent, 0)
    }
    if (this.#head === '') return
    this.#out.newLine()
    this.#comment(this.#head)
    this.#head = ''
  }

  #lineComment(): void {
    if (this.#line === '') return
    if (!this.#out.blankBefore) this.#out.put(' ')
    this.#comment(this.#line)
    this.#line = ''
  }

  #footComment(): void {
    if (this.#foot === '') return
    this.#out.newLine()
    this.#comment(this.#foot)
    this.#foot = ''
    this.#out.footIndent = Math.max(this.#out.indent, 0)
  }

  #comment(text: string): void {
    text.split(/\r\n|[\n\r\u0085\u2028\u2029]/).forEach((line, index) => {
      if (index > 0) this.#out.newLine()
      this.#out.write(line.startsWith('#') ? line : `# ${line}`)
      this.#out.break()
    })
    this.#out.blankBefore = true
  }
}

import type { Branch, Comment, Documents, Leaf, Spot } from './document.ts'
import type { Selector } from './rules.ts'

/** A text in one of the formats, and the documents in it. */
export interface Source {
  readonly text: string
  /** Every leaf and comment in it knows its place in the text. */
  readonly documents: Branch[]
  /** False for a text that SOPS itself would not keep, because something in it stands in several places: it is written anew. */
  readonly kept: boolean
  /** How to lay out what shows no layout of its own, in terms of the store; its usual way unless given. */
  readonly usual?: unknown
  /** The byte order mark, where there is one and SOPS reads past it. */
  readonly mark?: string
}

/** A part of a text, and what is to stand there. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** A value or a comment, never null. */
export type Content = Exclude<Leaf, null> | Comment

/** A value as it is in clear and as it is encrypted, and where the one or the other stands. */
export interface Change {
  readonly at: Spot
  readonly clear: Content
  /** `ENC[…]`. */
  readonly encrypted: string
}

/** The `sops` block of a text. */
export interface Taken {
  readonly block: Branch
  /** Without it. */
  readonly documents: Branch[]
  /** What takes it out of the text, and nothing else: what `addBlock` added. */
  readonly edits: readonly Edit[]
}

/** What a format has to know, so that files in it can be encrypted and decrypted and otherwise stay as their authors wrote them. */
export interface Store {
  /** Throws `syntax` or `plaintext`, with the place and nothing of the text. */
  read(text: string): Source | Promise<Source>
  /** A plaintext in which nothing refers to another place, written in the place of the reference where that can be; to be encrypted by the selector. */
  withCopies?(source: Source, isSelected: Selector): Promise<Source>
  /** The documents in the layout of SOPS, or in one that `layoutOf` gave, with their block where there is one. */
  write(documents: Documents, block: Branch | null, layout?: unknown): string
  /** How a text is laid out, if it is exactly as `write` lays its documents out in some layout; else null. */
  layoutOf(source: Source): unknown
  /** Puts the encrypted value where the one in clear stands. */
  conceal(source: Source, change: Change): Edit[]
  /** Puts the value in clear where the encrypted one stands. */
  reveal(source: Source, change: Change): Edit[]
  /** Puts the block where SOPS looks for it; told what else is concealed. */
  addBlock(source: Source, block: Branch, changes: readonly Change[]): Edit[]
  /** Whether revealing a value changes more than the place where it stands, so that the text is to be checked. */
  isTricky?(change: Change): boolean
  /** Whether a text made of edits says what it must, where edits alone cannot tell. */
  isRight?(text: string, documents: Documents, block?: Branch): Promise<boolean>
  /** Finds the block, or null. Throws `metadata` for one that is none. */
  takeBlock(source: Source): Taken | null
}

/** The text with its parts replaced; none may overlap another. Several at one place come in their order. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  const parts: string[] = []
  let done = 0
  for (const { start, end, text: part } of edits.toSorted((one, two) => one.start - two.start)) {
    parts.push(text.slice(done, start), part)
    done = end
  }
  return parts.join('') + text.slice(done)
}

/** How the lines of a text end. */
export function lineEnd(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n'
}

import type { ScalarNode } from './yaml-nodes.ts'

/** A key longer than this, in bytes, is written behind a `?`. */
const SIMPLE_KEY_LENGTH = 128

/** What the text allows. */
interface Shape {
  readonly plain: boolean
  readonly single: boolean
  readonly literal: boolean
  /** In a block, though SOPS would not: with blanks at the end of lines. */
  readonly block: boolean
}

/** How a scalar is written in the end: plain, else in single, else in double quotes; literal, else in double quotes. */
export function chooseStyle(node: ScalarNode, simpleKey: boolean): 'plain' | 'single' | 'double' | 'literal' {
  const shape = shapeOf(node.text)
  if (node.style === 'double' || (simpleKey && node.text.includes('\n'))) return 'double'
  if (node.style === 'literal') return shape.literal && !simpleKey ? 'literal' : 'double'
  if (shape.plain && !(simpleKey && node.text === '')) return 'plain'
  return shape.single ? 'single' : 'double'
}

/** Whether the key fits before its colon. */
export function isSimpleKey(key: ScalarNode): boolean {
  return !/[\n\r\u0085\u2028\u2029]/.test(key.text) && Buffer.byteLength(key.text) <= SIMPLE_KEY_LENGTH
}

/** What follows the `|`: how far the content is indented where its first line cannot tell, and what becomes of line feeds at the end. */
export function blockHints(text: string, indent: number): string {
  const chomp = !text.endsWith('\n') ? '-' : text === '\n' || text.endsWith('\n\n') ? '+' : ''
  return `${/^[ \n]/.test(text) ? indent : ''}${chomp}`
}

const SHORT: ReadonlyMap<number, string> = new Map([
  [0x00, '0'],
  [0x07, 'a'],
  [0x08, 'b'],
  [0x09, 't'],
  [0x0a, 'n'],
  [0x0b, 'v'],
  [0x0c, 'f'],
  [0x0d, 'r'],
  [0x1b, 'e'],
  [0x22, '"'],
  [0x5c, '\\'],
  [0x85, 'N'],
  [0xa0, '_'],
  [0x2028, 'L'],
  [0x2029, 'P'],
])

const NOT_ASCII_TEXT = /[^ !#-[\]-~]/gu

/** The text with everything escaped that cannot stand between double quotes. */
export function doubleQuoted(text: string, wide = false): string {
  // Of a long text no list of its characters is made: only those that may need it are looked at.
  return text.replace(NOT_ASCII_TEXT, (character) => {
    const code = character.codePointAt(0) ?? 0
    if (isPrintable(code, wide) && !isBreak(code) && character !== '"' && character !== '\\') return character
    const short = SHORT.get(code)
    if (short !== undefined) return `\\${short}`
    const [letter, width] = code <= 0xff ? ['x', 2] : code <= 0xffff ? ['u', 4] : ['U', 8]
    return `\\${letter}${code.toString(16).toUpperCase().padStart(width, '0')}`
  })
}

/** How a text can be written: `wide` with characters beyond sixteen bits as they are, which SOPS takes and does not write. */
export function shapeOf(text: string, wide = false): Shape {
  if (text === '') return { plain: true, single: true, literal: false, block: false }
  const special = hasSpecial(text, wide)
  const blankThenBreak = text.includes(' \n')
  // A tab before the first letter would be taken for indentation.
  const block = !special && !/^[ \n]*\t/.test(text)
  return {
    plain: !special && !/[\t\n]/.test(text) && !/^ | $/.test(text) && !hasIndicator(text),
    single: !special && !text.includes('\t') && !blankThenBreak && !text.includes('\n '),
    literal: block && !blankThenBreak && !text.endsWith(' '),
    block,
  }
}

/** A break other than a line feed is written as a break by SOPS, which other libraries read as text. */
function hasSpecial(text: string, wide: boolean): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.codePointAt(at) ?? 0
    if (code !== 0x09 && (!isPrintable(code, wide) || (isBreak(code) && code !== 0x0a))) return true
    if (code >= 0x10000) at += 1
  }
  return false
}

/** Whether the text, unquoted, would begin or contain syntax. */
function hasIndicator(text: string): boolean {
  return /^(?:---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-](?:[ \t]|$))/.test(text) || /:(?:[ \t]|$)|[ \t]#/.test(text)
}

function isPrintable(code: number, wide: boolean): boolean {
  if (wide && code >= 0x10000) return true
  if (code === 0x0a || (code >= 0x20 && code <= 0x7e)) return true
  return code >= 0xa0 && code < 0xfffe && !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfeff
}

function isBreak(code: number): boolean {
  return code === 0x0a || code === 0x0d || code === 0x85 || code === 0x2028 || code === 0x2029
}

import { isComment } from './document.ts'
import type { Content } from './format.ts'
import type { YamlSpot, YamlStyle } from './yaml-spot.ts'
import { valueNode, type ScalarNode } from './yaml-nodes.ts'
import { blockHints, chooseStyle, doubleQuoted, shapeOf } from './yaml-style.ts'
import { resolvePlain } from './yaml-scalar.ts'
import { nextStop } from './yaml-write.ts'

/** A scalar as it is written: what stands on its line, and the lines below it that are part of it. */
export interface Token {
  readonly head: string
  /** Without line ends; null for a scalar of one line. The last line is ended by the text around it. */
  readonly lines: readonly string[] | null
}

/** How an encrypted value is written, which tells how the one in clear is. */
export interface Manner {
  readonly style: YamlStyle
  /** For a block: its first line, `|-`, and how far its content is indented. */
  readonly header?: string
  readonly indent?: number
  /** In double quotes with a letter escaped that need not be, which tells what the quotes cannot: see `meantBy`. */
  readonly escaped?: 'E' | 'N'
}

/** The value in clear for a place where an encrypted one stood. Every reader takes it for the same value, whatever the manner asks for. */
export function clearToken(value: Content, spot: Pick<YamlSpot, 'flow' | 'column' | 'inList'>, manner: Manner, step: number): Token {
  const node = valueNode(isComment(value) ? `#${value.text}` : value) as ScalarNode
  const text = typeof value === 'string' ? value : null
  if (text !== null && !(manner.style === 'plain')) {
    const wanted = wantedToken(text, spot.flow, manner)
    if (wanted !== null) return wanted
  }
  return usualToken(node, spot, step)
}

function wantedToken(text: string, flow: boolean, manner: Manner): Token | null {
  if (manner.style === 'literal' || manner.style === 'folded') return blockToken(text, manner.header ?? '', manner.indent ?? 0)
  const style = meantBy(manner, flow)
  if (style === 'double') return { head: `"${doubleQuoted(text, manner.escaped === 'N')}"`, lines: null }
  if (text.includes('\n')) return null
  const shape = shapeOf(text, true)
  if (style === 'single') return shape.single ? { head: `'${text.replaceAll("'", "''")}'`, lines: null } : null
  return shape.plain && resolvePlain(text) === text && !(flow && endsInFlow(text)) ? { head: text, lines: null } : null
}

/**
 * Between brackets nothing encrypted can stand plain, so single quotes say so there. `\\x45NC[…]` stood in single quotes between
 * brackets, or plain outside of them where SOPS would use quotes; `E\\x4EC[…]` in double quotes, with characters that SOPS would escape.
 */
function meantBy({ style, escaped }: Manner, flow: boolean): YamlStyle {
  if (escaped === 'E') return flow ? 'single' : 'plain'
  return flow && style === 'single' ? 'plain' : style
}

/** Whether a text that stands plain between brackets would be ended by what is in it. */
function endsInFlow(text: string): boolean {
  return /[,[\]{}]|[?:]$/.test(text)
}

/** As SOPS writes it; between brackets never as a block, and not plain where brackets or commas would end it. */
function usualToken(node: ScalarNode, { flow, column, inList }: Pick<YamlSpot, 'flow' | 'column' | 'inList'>, step: number): Token {
  const chosen = chooseStyle(node, false)
  const style = flow && (chosen === 'literal' || (chosen === 'plain' && endsInFlow(node.text))) ? 'double' : chosen
  const tag = node.tag === '' ? '' : `${node.tag} `
  if (style === 'double') return { head: `${tag}"${doubleQuoted(node.text)}"`, lines: null }
  if (style === 'single') return { head: `${tag}'${node.text.replaceAll("'", "''")}'`, lines: null }
  if (style === 'plain') return { head: tag + node.text, lines: null }
  const indent = inList ? column + 2 : nextStop(column, step)
  return { head: `${tag}|${blockHints(node.text, indent - column)}`, lines: linesOf(node.text, indent) }
}

/** The text in the block that it stood in, or null where such a block would be another text. */
function blockToken(text: string, header: string, indent: number): Token | null {
  const ends = text.endsWith('\n\n') || text === '\n' ? '+' : text.endsWith('\n') ? '' : '-'
  const chomp = /[+-]/.exec(header)?.[0] ?? ''
  const isKept = chomp === '+' && ends === ''
  if (text === '' || (chomp !== ends && !isKept) || !shapeOf(text, true).block) return null
  if (/^[ \n]/.test(text) && !/\d/.test(header)) return null
  if (header.startsWith('|')) return { head: header, lines: linesOf(text, indent) }
  // A line of a folded text that begins with a blank, or an empty one, would be read otherwise.
  const body = text.replace(/\n+$/, '')
  const last = text.slice(body.length)
  if (/(?:^|\n)[ \t\n]/.test(body)) return null
  return { head: header, lines: linesOf(body.replaceAll('\n', '\n\n') + last, indent) }
}

function linesOf(text: string, indent: number): string[] {
  const lines = text.replace(/\n$/, '').split('\n')
  return lines.map((line) => (line === '' ? '' : ' '.repeat(indent) + line))
}

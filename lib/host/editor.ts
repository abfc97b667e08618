import { findProgram } from './foreground.ts'
import { splitWords } from './words.ts'

/** An editor to start: the program, absolute, and its first arguments. */
export type Editor = readonly [program: string, ...args: string[]]

const VARIABLES = ['SOPS_EDITOR', 'EDITOR', 'VISUAL'] as const
const USUAL = ['vim', 'nano', 'vi']

/** The editor that a variable names, or one of the usual ones; or a text that says why there is none. Looked for in PATH only. */
export function findEditor(env: Readonly<Record<string, string | undefined>>): Editor | string {
  const variable = VARIABLES.find((name) => (env[name] ?? '').trim() !== '')
  const wanted = variable === undefined ? USUAL.map((name) => [name]) : [splitWords(env[variable] ?? '') ?? []]
  for (const [name = '', ...args] of wanted) {
    const program = name === '' ? null : findProgram(name, env['PATH'])
    if (program !== null) return [program, ...args]
  }
  return variable === undefined
    ? `none of ${USUAL.join(', ')} is in PATH`
    : `${variable} names ${JSON.stringify(wanted[0]?.[0] ?? env[variable])}, which is no program in PATH`
}

import { printable } from '../model/errors.ts'
import { tallied, type Finding } from '../model/finding.ts'

/** A sentence, and a path, are cut here. */
const LONGEST = 1000

/** Text of others on one line, safe for a terminal, without end neither, and no command to a CI runner that reads along. */
export function plain(text: string): string {
  const line = printable(text).replaceAll('\n', '\\n').replaceAll('\t', ' ').replaceAll('##[', '## [')
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}

/** A path as it begins a line. */
export function plainPath(path: string): string {
  return /^\s*::|^\s/.test(path) ? `./${plain(path)}` : plain(path)
}

/** The sentence that findings amount to. */
export function conclusion(findings: readonly Finding[], files: number): string {
  const { errors, warnings } = tallied(findings)
  if (errors + warnings === 0) return `Nothing found in ${count(files, 'file')}.`
  const said = [errors > 0 ? count(errors, 'error') : null, warnings > 0 ? count(warnings, 'warning') : null].filter(Boolean).join(', ')
  return `${said} in ${new Set(findings.flatMap(({ path }) => path ?? [])).size} of ${count(files, 'file')}.`
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

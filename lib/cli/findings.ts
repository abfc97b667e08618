import type { Judgement } from '../../tasks/gate.ts'
import { printable } from '../model/errors.ts'
import { tallied, type Finding } from '../model/finding.ts'
import { print, styled, tell } from './messages.ts'

/** A sentence, and a path, are cut here. */
const LONGEST = 1000

/** Prints what the gate has found for people: by file, with the line of the file, and one sentence at the end. */
export function printFindings({ findings, excerpts, notes, files }: Judgement): void {
  let last: string | null | undefined
  for (const each of findings) {
    if (last !== undefined && last !== each.path) print('')
    last = each.path
    print(headline(each))
    const excerpt = excerpts.get(each)
    if (excerpt !== undefined) {
      print(styled('dim', `    ${excerpt.text}`))
      if (excerpt.caret !== null) print(styled('red', `    ${' '.repeat(excerpt.caret)}^`))
    }
    if (each.hint !== null) print(`    ${plain(each.hint)}`)
  }
  for (const note of notes) tell(plain(note))
  if (findings.length > 0) print('')
  print(conclusion(findings, files))
}

/** The sentence that the result amounts to. */
function conclusion(findings: readonly Finding[], files: number): string {
  const { errors, warnings } = tallied(findings)
  if (errors + warnings === 0) return styled('green', `Nothing found in ${count(files, 'file')}.`)
  const said = [errors > 0 ? count(errors, 'error') : null, warnings > 0 ? count(warnings, 'warning') : null].filter(Boolean).join(', ')
  const among = new Set(findings.flatMap(({ path }) => path ?? [])).size
  return styled(errors > 0 ? 'red' : 'yellow', `${said} in ${among} of ${count(files, 'file')}.`)
}

/** Text of others on one line, safe for a terminal and not without end. */
function plain(text: string): string {
  const line = printable(text).replaceAll('\n', '\\n').replaceAll('\t', ' ')
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line
}

function headline({ path, line, column, severity, message, rule, commit }: Finding): string {
  const at = [path === null ? null : plain(path), line, line === null ? null : column].filter((part) => part !== null).join(':')
  const where = [at, commit === null ? '' : `(in ${commit.slice(0, 7)})`].filter(Boolean).join(' ')
  const weight = styled(severity === 'error' ? 'red' : 'yellow', severity)
  return [where === '' ? null : styled('bold', where), weight, plain(message), styled('dim', plain(rule))].filter(Boolean).join('  ')
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

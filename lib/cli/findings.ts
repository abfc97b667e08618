import type { Judgement } from '../../tasks/gate.ts'
import { tallied, type Finding } from '../model/finding.ts'
import { conclusion, plain, plainPath } from './finding-text.ts'
import { print, styled, tell } from './messages.ts'

/** Prints what the gate has found for people: by file, with the line of the file, and one sentence at the end. */
export function printFindings({ findings, excerpts, notes, files }: Judgement): void {
  let last: string | null | undefined
  for (const each of findings) {
    if (last !== undefined && last !== each.path) print('')
    last = each.path
    print(headline(each))
    const excerpt = excerpts.get(each)
    // With a number in front, no line of a file is the beginning of ours.
    const number = String(each.line)
    if (excerpt !== undefined) {
      print(styled('dim', `  ${number} | ${plain(excerpt.text)}`))
      if (excerpt.caret !== null) print(styled('red', `  ${' '.repeat(number.length)} | ${' '.repeat(excerpt.caret)}^`))
    }
    if (each.hint !== null) print(`  help: ${plain(each.hint)}`)
  }
  for (const note of notes) tell(plain(note))
  if (findings.length > 0) print('')
  const { errors } = tallied(findings)
  print(styled(errors > 0 ? 'red' : findings.length > 0 ? 'yellow' : 'green', conclusion(findings, files)))
}

function headline({ path, line, column, severity, message, rule, commit }: Finding): string {
  const at = [path === null ? null : plainPath(path), line, line === null ? null : column].filter((part) => part !== null).join(':')
  const where = [at, commit === null ? '' : `(in ${commit.slice(0, 7)})`].filter(Boolean).join(' ')
  const weight = styled(severity === 'error' ? 'red' : 'yellow', severity)
  return [where === '' ? null : styled('bold', where), weight, plain(message), styled('dim', plain(rule))].filter(Boolean).join('  ')
}

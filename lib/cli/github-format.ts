import { appendFileSync } from 'node:fs'
import type { Judgement } from '../../tasks/gate.ts'
import { printable } from '../model/errors.ts'
import type { Finding } from '../model/finding.ts'
import { conclusion, plain } from './finding-text.ts'
import { print } from './messages.ts'

/** Rows of the summary; GitHub takes no more than a megabyte. */
const ROWS = 200

/** Prints findings as annotations of a GitHub workflow, errors first, for few are shown; all are counted in the step's summary. */
export function printAnnotations({ findings, notes, files }: Judgement): void {
  const sorted = findings.toSorted((a, b) => weight(a) - weight(b))
  for (const each of sorted) print(annotation(each))
  for (const note of notes) print(`::notice title=gitops validate::${data(plain(note))}`)
  print(conclusion(findings, files))
  const summary = process.env['GITHUB_STEP_SUMMARY']
  if (summary !== undefined && summary !== '') appendFileSync(summary, summaryOf(sorted, files))
}

function weight({ severity }: Finding): number {
  return severity === 'error' ? 0 : 1
}

function annotation({ severity, path, line, column, rule, message, hint, commit }: Finding): string {
  const properties = [
    path === null ? null : `file=${property(path)}`,
    // A line of an older commit is no line of what is shown.
    line === null || commit !== null ? null : `line=${line}`,
    line === null || column === null || commit !== null ? null : `col=${column}`,
    `title=${property(plain(rule))}`,
  ]
  const said = [commit === null ? null : `in commit ${commit}:`, hint === null ? plain(message) : `${plain(message)}. ${plain(hint)}`]
    .filter(Boolean)
    .join(' ')
  return `::${severity} ${properties.filter(Boolean).join(',')}::${data(said)}`
}

/** As GitHub's runner wants a message. */
function data(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function property(text: string): string {
  return printable(data(text).replaceAll('\t', '%09')).replaceAll(':', '%3A').replaceAll(',', '%2C')
}

function summaryOf(findings: readonly Finding[], files: number): string {
  const rows = findings.slice(0, ROWS).map(({ severity, path, line, rule, message, commit }) => {
    const place = [path ?? '', line ?? ''].filter((part) => part !== '').join(':')
    const where = commit === null ? place : `${place} (${commit.slice(0, 7)})`
    return `| ${severity} | ${cell(where)} | ${cell(message)} | ${cell(rule)} |`
  })
  const rest = findings.length > ROWS ? [`\n${findings.length - ROWS} more are not shown.`] : []
  const table = rows.length === 0 ? [] : ['| | where | what | rule |', '|---|---|---|---|', ...rows]
  return `${['### gitops validate', '', conclusion(findings, files), '', ...table, ...rest].join('\n')}\n`
}

/** Text of others in a cell of a table: neither Markdown nor HTML. */
function cell(text: string): string {
  return plain(text).replace(/[\\`*_{}[\]<>()#+!|&~@:-]/g, (sign) => `&#${sign.charCodeAt(0)};`)
}

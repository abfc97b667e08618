import { printable } from '../model/errors.ts'
import { short } from '../model/path.ts'
import type { Refusal } from '../model/refusal.ts'
import { answerSaid } from '../../tasks/answers.ts'
import type { Report, SourceReport } from '../../tasks/status.ts'
import { wished } from '../../tasks/suspension.ts'
import { styled } from './messages.ts'

/** Outcomes that need no explanation. */
const WELL: ReadonlySet<string> = new Set(['applied', 'in-sync'])

/** What `status` prints of one source, a line each. */
export function sourceLines(source: SourceReport, { fetched, interrupted }: Report, ago: (at: string | null) => string): string[] {
  const row = (label: string, text: string): string => `  ${styled('dim', label.padEnd(15))} ${printable(text)}`
  const lines = [`${source.ready ? styled('green', '✔') : styled('red', '✖')} ${styled('bold', source.name)}  ${printable(source.summary)}`]
  lines.push(row('last applied', source.applied === null ? 'never' : `${short(source.applied.commit)}  ${ago(source.applied.at)}`))
  const { attempted } = source
  if (attempted !== null && (attempted.commit !== source.applied?.commit || !WELL.has(attempted.outcome))) {
    const what = attempted.commit === null ? 'not fetched' : short(attempted.commit)
    // A killed run has been there since.
    const old = interrupted && attempted.outcome !== 'stuck'
    const told = old || WELL.has(attempted.outcome) || source.refuses !== null || attempted.message === source.problem
    const why = told ? '' : `: ${attempted.message.split('\n')[0]}`
    lines.push(row('last attempted', `${what}  ${ago(attempted.at)}, ${attempted.outcome}${why}`))
  }
  const asked = fetched && source.current !== null ? 'asked just now' : `last asked ${ago(source.fetchedAt)}`
  const unknown = source.suspended === null ? 'unknown' : 'not looked at while it is suspended'
  lines.push(row('current', source.current === null ? `${unknown}, ${asked}` : `${short(source.current)}  ${source.ref ?? ''}, ${asked}`))
  const { pinned, suspended, current } = source
  const waits = pinned !== null && current !== null && current !== pinned.commit ? `; ${short(current)} waits` : ''
  if (pinned !== null) lines.push(row('pinned', `${short(pinned.commit)}  ${wished(pinned, new Date())}${waits}`))
  if (suspended !== null) lines.push(row('suspended', wished(suspended, new Date())))
  const known = source.ready ? '' : conditions(source, ago)
  if (known !== '') lines.push(row('conditions', known))
  if (source.refuses !== null) lines.push(row(source.refuses.held ? 'held' : 'backing off', refused(source.refuses, ago)))
  for (const known of source.drift) lines.push(row(known.kind === null ? 'not ours' : 'drift', answered(known)))
  for (const path of source.hidden)
    lines.push(
      row('hidden', `${path}  is a link or a file now; what is ours in the directory that was there is looked after again once it is back`),
    )
  if (source.pending !== '') lines.push(row('would be', source.pending))
  if (source.problem !== null) lines.push(row('problem', source.problem))
  return lines
}

function refused({ commit, first, last, attempts, next, reason }: Refusal, ago: (at: string | null) => string): string {
  const often = attempts === 1 ? '' : `, failed ${attempts} times, last ${ago(last)}`
  const again = next === null ? '' : `; tried again after ${next}`
  return `${short(commit)} since ${ago(first)}${often}: ${reason.split('\n')[0]}${again}`
}

/** What was so after the last attempt: `Ready=False RolledBack since 5m ago`. What does not hold is not said. */
function conditions(source: SourceReport, ago: (at: string | null) => string): string {
  return source.conditions
    .filter(({ type, status }) => (type === 'Ready') !== (status === 'True'))
    .map(({ type, status, reason, since }) => `${type}=${status} ${reason} since ${ago(since)}`)
    .join('; ')
}

function answered(answer: SourceReport['drift'][number]): string {
  const words = [answer.path.replaceAll('\n', '\\n'), answer.what, answerSaid(answer, new Date())]
  return words.filter((word) => word !== '').join('  ')
}

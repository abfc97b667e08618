import { printable } from '../lib/model/errors.ts'
import { isKeyed, under, type AbsPath } from '../lib/model/path.ts'
import { counts } from '../lib/model/counts.ts'
import { writes, type Change, type DriftKind } from '../lib/model/plan.ts'
import { tally } from '../lib/model/verdict.ts'
import { answersIn, answerSaid } from './answers.ts'
import { nameOfCopy } from './kept-copy.ts'
import { changes, planned, type Planned, type Run, type Unit } from './run.ts'
import { isForgotten } from './secrets.ts'

/** As many keys as a person reads on a line. */
const MOST = 10

/** How a live entry came to differ, for people. */
const DRIFT: Readonly<Record<DriftKind, string>> = {
  edited: 'edited since it was applied',
  missing: 'gone since it was applied',
  mode: 'permissions changed since it was applied',
  type: 'replaced by something else since it was applied',
}

/** What has drifted and what of a person's is replaced, a line each, with how to get at the copy. */
export function driftLines(run: Run, part: Planned): string[] {
  const { root, plan } = part
  const forgotten = 'key' in part && isForgotten(run, part)
  return plan.changes.flatMap((change) => {
    if (change.kind === 'conflict') return []
    const drift = 'drift' in change && change.drift !== null ? (isClosed(part, change) ? CLOSED : DRIFT[change.drift]) : null
    const stays = change.kind === 'stay' && change.stays === undefined ? staySaid(run, part, change) : null
    const copy = 'kept' in change && change.kept ? copyOf(run, change) : null
    const keys = keysSaid(run, part, change)
    if (change.kind === 'stay' && change.stays !== undefined) return keys
    if (drift === null && copy === null && stays === null) return keys
    const what = [drift === null ? (stays === null ? replacement(change, forgotten) : null) : withKeys(drift, change), copy, stays]
      .filter((part) => part !== null)
      .join('; ')
    return [line(under(root, change.path), what)].concat(keys)
  })
}

function line(path: AbsPath, what: string): string {
  return printable(`${path}: ${what}`).replaceAll('\n', '\\n')
}

/** The keys of a document that stay, a line for each thing that the source may ask for in their place. */
function keysSaid(run: Run, { root }: Planned, change: Change): string[] {
  if (!('stays' in change) || change.stays === undefined) return []
  return answersIn(run, root, [change]).flatMap((answer) =>
    answer.answer === 'keep' ? [line(answer.path, `${named(DRIFT.edited, answer.keys ?? [])}; ${answerSaid(answer, run.host.now())}`)] : [],
  )
}

const CLOSED = 'open to others since it was applied, and closed again'

function isClosed(part: Planned, change: Change): boolean {
  return 'secret' in part && 'drift' in change && change.drift === 'mode'
}

function staySaid(run: Run, { root }: Planned, change: Change): string {
  const [answer] = answersIn(run, root, [change])
  return answer === undefined ? '' : answerSaid(answer, run.host.now())
}

/** Which keys of a document, where it is only some. */
function withKeys(drift: string, change: Change): string {
  return named(drift, 'keys' in change ? (change.keys ?? []) : [])
}

function named(drift: string, keys: readonly string[]): string {
  const more = keys.length > MOST ? ` and ${keys.length - MOST} more` : ''
  return keys.length === 0 ? drift : `${keys.slice(0, MOST).join(', ')}${more} ${drift}`
}

/** What is replaced was there before us, or we cannot tell any more. */
function replacement(change: Change, forgotten: boolean): string {
  return forgotten || (change.kind === 'update' && !change.first)
    ? 'replaced; what we wrote there cannot be told any more'
    : 'there before us, and replaced'
}

function copyOf(run: Run, change: Extract<Change, { kind: 'update' | 'delete' | 'edit' }>): string {
  if (change.kind === 'edit')
    return `the values that it had will be kept${isKeyed(change.edits) ? ', sealed' : ''}: \`gitops kept ${nameOfCopy(change.edits)}\` prints them`
  const { digest } = change.before
  if (isKeyed(digest)) return `a sealed copy will be kept: \`gitops kept ${nameOfCopy(digest)}\` prints it`
  return `a copy will be in ${run.host.kept.place(digest)}`
}

/** What a plan would do to a unit, in a line. */
export function planSaid(unit: Unit): string {
  if (!changes(unit)) return 'in sync'
  const news = unit.secrets
    .filter(({ plan }) => plan.changes.some((change) => change.kind === 'decrypt'))
    .map(({ name }) => `${name}: to decrypt`)
  const writing = planned(unit)
    .filter(({ plan }) => writes(plan.changes).length > 0)
    .map(
      ({ name, plan }) =>
        `${name}: ${tally(counts(plan.changes)).replaceAll('created', 'to create').replaceAll('updated', 'to update').replaceAll('deleted', 'to delete')}`,
    )
  return [...writing, ...news].join('; ')
}

import { driftWords } from './drift-words.ts'
import { span } from '../lib/model/schedule.ts'
import { under, type AbsPath } from '../lib/model/path.ts'
import type { Change, DriftKind } from '../lib/model/plan.ts'
import type { OnDrift, Stays } from '../lib/model/policy.ts'
import { changes, planned, type Run, type Unit } from './run.ts'

/** As many paths as a person reads in a sentence. */
const MOST = 3

/** What a reconcile does about one live path that somebody else has changed. */
export interface Answer {
  readonly path: AbsPath
  /** How it differs from what we wrote; null where we never wrote. */
  readonly kind: DriftKind | null
  readonly answer: OnDrift | Stays
  /** How it differs, for people; empty where we never wrote. */
  readonly what: string
  /** What the source asks for there: what we wrote last, something else, or nothing. */
  readonly source: 'same' | 'changed' | 'gone'
  /** Which of our keys in a document it is about, as JSON pointers; absent where it is about the file. */
  readonly keys?: readonly string[]
  /** How often something else has rewritten it in a row, and when it is put back again; only where it waits. */
  readonly times?: number
  readonly next?: string
}

/** The answer to each path of a unit that somebody else has changed. */
export function answers(run: Run, unit: Unit): Answer[] {
  return planned(unit).flatMap(({ root, plan }) => answersIn(run, root, plan.changes))
}

/** The answers that changes below one directory give. */
export function answersIn(run: Run, root: AbsPath, changes: readonly Change[]): Answer[] {
  return changes.flatMap((change) => {
    const path = under(root, change.path)
    const stay = stayingKeys(run, path, change)
    const answer = answerOf(change)
    if (answer === null || (change.kind === 'stay' && change.stays !== undefined)) return stay
    const kind = 'drift' in change ? (change.drift ?? null) : null
    const known = answer === 'wait' ? run.status.contested[path] : undefined
    const keys = 'keys' in change && change.keys !== undefined && change.keys.length > 0 ? { keys: change.keys } : {}
    const what = kind === null ? '' : driftWords(path, kind, run.inventory.secrets.has(path))
    return [{ path, kind, answer, what, source: sourceOf(change), ...keys, ...known }, ...stay]
  })
}

/** The keys of a document that stay as somebody has changed them, by what the source asks for in their place. */
function stayingKeys(run: Run, path: AbsPath, change: Change): Answer[] {
  const stays = 'stays' in change ? (change.stays ?? []) : []
  const what = driftWords(path, 'edited', run.inventory.secrets.has(path))
  return (['same', 'changed', 'gone'] as const).flatMap((source) => {
    const keys = stays.filter((each) => each.source === source).map(({ key }) => key)
    return keys.length === 0 ? [] : [{ path, kind: 'edited' as const, answer: 'keep' as const, what, source, keys }]
  })
}

/** Who has the last word about a change; null where nobody but the source has changed anything. */
export function answerOf(change: Change): Answer['answer'] | null {
  if (change.kind === 'stay') return change.why
  if (!('drift' in change) || change.drift == null) return null
  return change.kind === 'conflict' ? 'refuse' : 'heal'
}

/** What the source asks for at the path of a change. */
export function sourceOf(change: Change): Answer['source'] {
  if (change.kind === 'delete' || (change.kind === 'stay' && change.after === null)) return 'gone'
  return change.kind === 'stay' && change.news ? 'changed' : 'same'
}

/** The answer for people; nothing where it is put back, as usual. */
export function answerSaid({ answer, source, times = 0, next }: Answer, now: Date): string {
  if (answer === 'heal') return ''
  if (answer === 'refuse') return 'refused until somebody decides'
  if (answer === 'leave') return 'there before us; it stays, and is not ours'
  if (answer === 'wait') return `rewritten by something else ${times} times in a row; next put back ${until(next, now)}`
  const news = {
    same: '',
    changed: '; the source has another one by now',
    gone: '; the source has none any more, and it is no longer ours',
  }
  return `stays as it is${news[source]}`
}

function until(next: string | undefined, now: Date): string {
  const left = next === undefined ? 0 : Date.parse(next) - now.getTime()
  return left > 0 ? `in ${span(left)}` : 'by the next run'
}

/** What of a unit is not as the source wants it though all went well, as a part of a sentence; an empty text where there is none. */
export function staysSaid(run: Run, unit: Unit): string {
  const stays = answers(run, unit).filter(({ answer }) => answer !== 'heal' && answer !== 'refuse')
  const paths = (all: readonly Answer[]): number => new Set(all.map(({ path }) => path)).size
  const told = (count: number, what: string): string[] => (count === 0 ? [] : [`${count} path${count === 1 ? ' ' : 's '}${what}`])
  const resting = stays.filter(({ answer }) => answer === 'wait')
  const [waiting, others] = [paths(resting), paths(stays.filter(({ answer }) => answer !== 'wait'))]
  const named = resting.slice(0, MOST).map(({ path, next }) => (next === undefined ? path : `${path} until ${next}`))
  const more = waiting > MOST ? ` and ${waiting - MOST} more` : ''
  return [
    ...told(others, `${others === 1 ? 'stays' : 'stay'} as somebody has left ${others === 1 ? 'it' : 'them'}`),
    ...told(
      waiting,
      `${waiting === 1 ? 'waits' : 'wait'}, for something else keeps rewriting ${waiting === 1 ? 'it' : 'them'}: ${named.join(', ')}${more}`,
    ),
  ].join('; ')
}

/** What `status` says first of a unit that has nothing to do; null where there is more to say. */
export function staysSummary(run: Run, unit: Unit, ready: boolean): string | null {
  const stays = staysSaid(run, unit)
  if (ready) return stays === '' ? 'No drift: what is live matches Git' : `What is live matches Git, but ${stays}`
  return waits(unit) && !changes(unit) && unit.outcome?.kind === 'in-sync' ? `Not ready: ${stays}` : null
}

/** Whether something else keeps rewriting a path of a unit, so that it waits. */
export function waits(unit: Unit): boolean {
  return planned(unit).some(({ plan }) => plan.changes.some((change) => change.kind === 'stay' && change.why === 'wait'))
}

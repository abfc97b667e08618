import { readLive } from '../lib/host/live.ts'
import { conflictReason } from '../lib/model/conflict.ts'
import { under, type AbsPath } from '../lib/model/path.ts'
import { writes, type Change, type DriftKind } from '../lib/model/plan.ts'
import type { Stays } from '../lib/model/policy.ts'
import { withExecutable } from '../lib/model/tree.ts'
import { readContents } from './contents.ts'
import { mergedText } from './merged-text.ts'
import { kindOf, type Run, type Unit } from './run.ts'

/** How one live path would change. Text is null where there is none, before or after. */
export interface Difference {
  readonly path: AbsPath
  /** What happens, and what is kept or refused. */
  readonly note: string
  readonly before: string | null
  readonly after: string | null
  readonly binary: boolean
}

/** Beyond this many bytes a line diff helps nobody. */
const LARGE = 1 << 20

/** Every difference of a unit that was planned, also where that is refused, conflicts first. What a secret holds is never shown. */
export async function* differences(run: Run, unit: Unit): AsyncGenerator<Difference> {
  for (const { root, plan, scan } of (unit.refused ?? unit).targets) {
    for (const change of plan.changes) {
      if (change.kind === 'conflict')
        yield { path: under(root, change.path), note: `refused: ${conflictReason(change)}`, before: null, after: null, binary: false }
    }
    const changed = plan.changes.filter(isShown)
    const bytes = readContents(
      run,
      unit,
      changed.flatMap((change) => ('after' in change && change.after !== null ? [change.after.content] : [])),
    )
    for (const change of changed) {
      const path = under(root, change.path)
      if (change.kind === 'edit') {
        yield await ofDocument(run, path, change)
        continue
      }
      const after = 'after' in change && change.after !== null ? ((await bytes.next()).value as Buffer) : null
      const live = scan.present.get(change.path)?.kind
      const before = live === 'file' || live === 'link' ? readLive(path) : null
      // Of a document that stays the source has only keys, which are not what it would become.
      if (change.kind === 'stay' && change.after?.as !== undefined) {
        yield { path, note: noteOf(change), before: null, after: null, binary: false }
        continue
      }
      const binary = [before, after].some((side) => side !== null && (side.length > LARGE || side.includes(0)))
      const text = (side: Buffer | null): string | null => (side === null || binary ? null : side.toString())
      yield { path, note: noteOf(change), before: text(before), after: text(after), binary }
    }
  }
}

/** What is written, and what the source asks for where something stays. */
function isShown(change: Change): change is Exclude<Change, { kind: 'adopt' | 'decrypt' | 'forget' | 'conflict' }> {
  return change.kind === 'stay' || writes([change]).length > 0
}

/** What the keys of ours would make of a document as it is now. */
async function ofDocument(run: Run, path: AbsPath, change: Extract<Change, { kind: 'edit' }>): Promise<Difference> {
  const before = change.created ? null : readLive(path).toString()
  const after = await mergedText(run, path, change)
  return { path, note: noteOf(change), before, after, binary: false }
}

/** Where a secret would change, and how, without what it holds. */
export function secretDifferences(unit: Unit): Difference[] {
  return (unit.refused ?? unit).secrets.flatMap((secret) =>
    secret.plan.changes.flatMap((change) => {
      if (change.kind === 'adopt' || change.kind === 'forget') return []
      const note =
        change.kind === 'conflict' ? `refused: ${conflictReason(change)}` : change.kind === 'decrypt' ? 'new ciphertext' : noteOf(change)
      return [{ path: secret.key, note: `${kindOf(secret)} ${secret.name}: ${note}`, before: null, after: null, binary: false }]
    }),
  )
}

function noteOf(change: Change): string {
  const drift = 'drift' in change && change.drift != null ? DRIFT[change.drift] : ''
  const stays = change.kind === 'edit' ? change.stays.map(({ key }) => key) : []
  const staying =
    stays.length === 0
      ? ''
      : `; ${stays.join(', ')} ${stays.length === 1 ? 'stays' : 'stay'} as somebody has changed ${stays.length === 1 ? 'it' : 'them'}`
  return `${what(change)}${drift}${'kept' in change && change.kept ? ', a copy of what is there now is kept' : ''}${staying}`
}

const DRIFT: Readonly<Record<DriftKind, string>> = {
  edited: ', edited since it was applied',
  missing: ', missing since it was applied',
  mode: ', changed since it was applied',
  type: ', replaced by something else since it was applied',
}

const STAYS: Readonly<Record<Stays, string>> = {
  keep: 'stays as it is, and would otherwise change',
  leave: 'there before us and stays as it is; the source has another one',
  wait: 'waits, for something else keeps rewriting it',
}

function what(change: Change): string {
  if (change.kind === 'create') return change.drift === null ? 'new' : 'put back'
  if (change.kind === 'delete') return 'deleted'
  if (change.kind === 'stay') return `${change.stays === undefined ? '' : `${(change.keys ?? []).join(', ')} `}${STAYS[change.why]}`
  if (change.kind === 'edit' && change.drift === 'mode') return 'closed to others'
  if (change.kind === 'edit') return change.created ? 'new' : 'keys of ours change'
  if (change.kind !== 'update') return change.kind
  const { before, after } = change
  if (before.kind !== after.kind) return `a ${before.kind} becomes a ${after.kind}`
  if (before.kind !== 'file' || before.digest !== after.digest) return 'changed'
  const mode = after.mode ?? withExecutable(before.mode, after.executable)
  return `mode ${before.mode.toString(8)} becomes ${mode.toString(8)}`
}

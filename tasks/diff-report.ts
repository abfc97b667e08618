import { conflictReason } from '../lib/model/conflict.ts'
import { under, type AbsPath } from '../lib/model/path.ts'
import type { Change, DriftKind } from '../lib/model/plan.ts'
import { answerOf, sourceOf, type Answer } from './answers.ts'
import { kindOf, type Run, type Unit } from './run.ts'

/** What becomes of one live path, for programs; nothing of what a file holds. */
export interface PathReport {
  readonly path: AbsPath
  /** The source, and the target, secret or document of the config. */
  readonly source: string
  readonly name: string
  readonly kind: 'target' | 'secret' | 'document'
  /** `create`, `update`, `delete`, `edit` (keys of ours in a document), `decrypt`, `stay`, `conflict`. */
  readonly change: Change['kind']
  readonly drift: DriftKind | null
  /** Who has the last word, as in `status`; null where nobody but the source has changed anything. */
  readonly answer: Answer['answer'] | null
  /** What the source asks for there. */
  readonly wants: Answer['source']
  /** Which keys of ours in a document stay as somebody has changed them, as JSON pointers. */
  readonly stays: readonly string[]
  /** Whether a copy of what a person has written is kept. */
  readonly kept: boolean
  /** Why it is refused, or null. */
  readonly reason: string | null
}

/** Every path of a run that would change, that stays, or that is refused. */
export function diffReport(run: Run): PathReport[] {
  return run.units.flatMap((unit) => {
    const { targets, secrets } = unit.refused ?? unit
    return [
      ...targets.flatMap(({ name, root, plan }) => reports(unit, { name, root, kind: 'target' }, plan.changes)),
      ...secrets.flatMap((secret) => reports(unit, { ...secret, kind: kindOf(secret) }, secret.plan.changes)),
    ]
  })
}

function reports(
  { name: source }: Unit,
  { name, root, kind }: Pick<PathReport, 'name' | 'kind'> & { readonly root: AbsPath },
  changes: readonly Change[],
): PathReport[] {
  const told = changes.filter((change) => change.kind !== 'adopt' && change.kind !== 'forget')
  return told.map((change) => ({
    path: under(root, change.path),
    source,
    name,
    kind,
    change: change.kind,
    drift: 'drift' in change ? (change.drift ?? null) : null,
    answer: change.kind === 'conflict' ? 'refuse' : answerOf(change),
    wants: wantsOf(change),
    stays: 'stays' in change ? (change.stays ?? []).map(({ key }) => key) : [],
    kept: 'kept' in change && change.kept,
    reason: change.kind === 'conflict' ? conflictReason(change) : null,
  }))
}

/** Where nobody else has changed anything, what is written is news. */
function wantsOf(change: Change): Answer['source'] {
  return sourceOf(change) === 'same' && !('drift' in change && change.drift != null) ? 'changed' : sourceOf(change)
}

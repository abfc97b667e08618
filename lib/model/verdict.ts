import { GitopsError, type ErrorCode } from './errors.ts'
import { exitCode, outcomeOf, worst, type OutcomeKind } from './outcome.ts'
import { short, type AbsPath } from './path.ts'
import type { Counts } from './counts.ts'

/** Why an outcome is what it is: a closed list that other programs can rely on. */
export type Reason =
  | 'InSync'
  | 'Applied'
  | 'DryRun'
  | 'Held'
  | 'BackingOff'
  | 'Suspended'
  | 'SmokeFailed'
  | 'EnvironmentFailed'
  | 'VerifyFailed'
  | 'ValidationFailed'
  | 'Conflict'
  | 'Hostile'
  | 'ShrinkRefused'
  | 'FetchFailed'
  | 'NoSuchRef'
  | 'NoSuchPath'
  | 'Contested'
  | 'Interrupted'
  | 'Locked'
  | 'ConfigInvalid'
  | 'Stuck'
  | 'Failed'

const REASONS: Readonly<Record<ErrorCode, Reason>> = {
  usage: 'ConfigInvalid',
  config: 'ConfigInvalid',
  unreachable: 'FetchFailed',
  'no-such-ref': 'NoSuchRef',
  'no-such-path': 'NoSuchPath',
  git: 'FetchFailed',
  io: 'Failed',
  locked: 'Locked',
  environment: 'EnvironmentFailed',
  interrupted: 'Interrupted',
  hostile: 'Hostile',
  conflict: 'Conflict',
  shrink: 'ShrinkRefused',
  invalid: 'ValidationFailed',
  held: 'Held',
  'backing-off': 'BackingOff',
  suspended: 'Suspended',
  contested: 'Contested',
  verify: 'VerifyFailed',
  check: 'SmokeFailed',
  stuck: 'Stuck',
}

/** The reason that an error of this code gives. */
export function reasonOf(code: ErrorCode): Reason {
  return REASONS[code]
}

/** How one unit ended. */
export interface UnitOutcome {
  readonly source: string
  readonly kind: OutcomeKind
  readonly reason: Reason
  /** One sentence for a person, without the unit's name. */
  readonly message: string
  readonly revision: string | null
  readonly targets: readonly TargetOutcome[]
  /** What went wrong, when something did. */
  readonly error: GitopsError | null
}

/** How one target, or one secret file, ended. */
export interface TargetOutcome extends Counts {
  readonly name: string
  readonly kind: 'target' | 'secret' | 'document'
  readonly to: AbsPath
}

/** The end of every `reconcile --json`. */
export interface Verdict {
  readonly kind: 'verdict'
  readonly outcome: OutcomeKind
  readonly exitCode: number
  readonly reason: Reason
  readonly message: string
  readonly revisions: Readonly<Record<string, string>>
  readonly targets: readonly (Counts & {
    readonly name: string
    readonly kind: 'target' | 'secret' | 'document'
    readonly source: string
    readonly to: string
    readonly outcome: OutcomeKind
    readonly revision: string | null
    readonly reason: Reason
  })[]
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
}

/** One verdict from all units; the worst decides. `signal` is the exit code of an interruption, `pending` that of a dry run with changes. */
export function verdictOf(outcomes: readonly UnitOutcome[], dry: boolean, interrupted: number | null): Verdict {
  const outcome = worst(outcomes.map((unit) => unit.kind))
  const decisive = outcomes.find((unit) => unit.kind === outcome)
  const changes = outcomes.some((unit) => unit.kind === 'applied')
  return {
    kind: 'verdict',
    outcome,
    exitCode: interrupted ?? (dry && changes && outcome === 'applied' ? 3 : exitCode(outcome)),
    reason: decisive?.reason ?? 'InSync',
    message: outcomes.length === 0 ? 'In sync: nothing is declared.' : summary(outcomes, dry),
    revisions: Object.fromEntries(outcomes.flatMap((unit) => (unit.revision === null ? [] : [[unit.source, unit.revision]]))),
    targets: outcomes.flatMap((unit) =>
      unit.targets.map(({ name, kind, to, created, updated, deleted }) => ({
        name,
        kind,
        source: unit.source,
        to,
        outcome: unit.kind,
        revision: unit.revision,
        created,
        updated,
        deleted,
        reason: unit.reason,
      })),
    ),
    ...(decisive?.error && { error: errorJson(decisive.error) }),
  }
}

/** The verdict, and the exit code, of a run that an error ended outside of any unit. */
export function ended(error: GitopsError): { verdict: Verdict; code: number } {
  const outcome = outcomeOf(error.code)
  const code =
    error.code === 'usage' || error.code === 'config' ? 2 : error.code === 'interrupted' ? interruption(error) : exitCode(outcome)
  const verdict: Verdict = {
    kind: 'verdict',
    outcome,
    exitCode: code,
    reason: reasonOf(error.code),
    message: error.message,
    revisions: {},
    targets: [],
    error: errorJson(error),
  }
  return { verdict, code }
}

/** The exit code of an interruption, by the signal that its error names. */
export function interruption(reason: unknown): number {
  return reason instanceof GitopsError && reason.message.includes('SIGTERM') ? 143 : 130
}

function errorJson(error: GitopsError): NonNullable<Verdict['error']> {
  return { code: error.code, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) }
}

const VERBS: Readonly<Record<OutcomeKind, string>> = {
  stuck: 'Stuck',
  failed: 'Failed',
  'rolled-back': 'Rolled back',
  refused: 'Refused',
  applied: 'Applied',
  'in-sync': 'In sync',
}

function summary(outcomes: readonly UnitOutcome[], dry: boolean): string {
  const order: readonly OutcomeKind[] = ['stuck', 'failed', 'rolled-back', 'refused', 'applied', 'in-sync']
  return outcomes
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
    .map((unit) => {
      const verb = dry && unit.kind === 'applied' ? 'Would apply' : VERBS[unit.kind]
      const at = unit.revision === null ? '' : ` ${short(unit.revision)}`
      return `${verb}: ${unit.source}${at}${unit.message === '' ? '' : `, ${unit.message}`}.`
    })
    .join('\n')
}

/** `2 created, 1 updated`, or an empty text. */
export function tally(counts: Counts): string {
  return [
    [counts.created, 'created'],
    [counts.updated, 'updated'],
    [counts.deleted, 'deleted'],
  ]
    .filter(([count]) => count !== 0)
    .map(([count, verb]) => `${count} ${verb}`)
    .join(', ')
}

import type { ErrorCode } from './errors.ts'

/** How a unit, or a whole run, ended. */
export type OutcomeKind = 'in-sync' | 'applied' | 'refused' | 'rolled-back' | 'failed' | 'stuck'

/** Worst first: the outcome of several units is the worst of theirs. */
const SEVERITY: readonly OutcomeKind[] = ['stuck', 'failed', 'rolled-back', 'refused', 'applied', 'in-sync']

const EXIT: Readonly<Record<OutcomeKind, number>> = { 'in-sync': 0, applied: 0, failed: 1, stuck: 4, refused: 5, 'rolled-back': 6 }

const BY_CODE: Readonly<Record<ErrorCode, OutcomeKind>> = {
  usage: 'failed',
  config: 'failed',
  unreachable: 'failed',
  'no-such-ref': 'failed',
  'no-such-path': 'failed',
  git: 'failed',
  io: 'failed',
  locked: 'failed',
  environment: 'failed',
  interrupted: 'failed',
  hostile: 'refused',
  conflict: 'refused',
  shrink: 'refused',
  invalid: 'refused',
  held: 'refused',
  'backing-off': 'refused',
  suspended: 'refused',
  contested: 'failed',
  verify: 'rolled-back',
  check: 'rolled-back',
  stuck: 'stuck',
}

/** The worst of several outcomes; in sync when there is none. */
export function worst(outcomes: readonly OutcomeKind[]): OutcomeKind {
  return SEVERITY.find((kind) => outcomes.includes(kind)) ?? 'in-sync'
}

/** The outcome that an error of this code means. */
export function outcomeOf(code: ErrorCode): OutcomeKind {
  return BY_CODE[code]
}

/** The process exit code of an outcome; `usage` and `config` are 2 and are decided by the error, not here. */
export function exitCode(outcome: OutcomeKind): number {
  return EXIT[outcome]
}

import type { Store } from '../lib/host/store.ts'
import type { Config } from '../lib/model/config.ts'
import { counts } from '../lib/model/counts.ts'
import { short, type AbsPath, type Sha } from '../lib/model/path.ts'
import type { Applied, SourceStatus } from '../lib/model/state.ts'
import { exitCode, worst, type OutcomeKind } from '../lib/model/outcome.ts'
import type { Condition } from '../lib/model/conditions.ts'
import type { Refusal } from '../lib/model/refusal.ts'
import { tally } from '../lib/model/verdict.ts'
import { answers, staysSummary, waits, type Answer } from './answers.ts'
import { knownOf, refusalOf } from './hold.ts'
import { hiddenOf } from './moved-root.ts'
import { askedAt, conditionsOf } from './known-now.ts'
import { failing, latest, sound, wrong } from './problem.ts'
import { changes, interrupted, planned, type Run, type Unit } from './run.ts'

/** What `status` tells of one source. */
export interface SourceReport {
  readonly name: string
  /** Applied, not drifted, nothing held, nothing wrong. */
  readonly ready: boolean
  readonly summary: string
  readonly applied: Applied | null
  readonly attempted: SourceStatus['attempted']
  /** When the source last answered. */
  readonly fetchedAt: string | null
  /** What is wrong now or went wrong in the last attempt; `in-sync` stands for nothing. */
  readonly outcome: OutcomeKind
  readonly current: Sha | null
  readonly ref: string | null
  /** What the source asks for now and this machine refuses, for it did not go well; null when there is no such thing. */
  readonly refuses: Refusal | null
  /** All that is remembered so, the newest last. */
  readonly refused: readonly Refusal[]
  readonly pinned: SourceStatus['pinned']
  readonly suspended: SourceStatus['suspended']
  /** As of now. */
  readonly conditions: readonly Condition[]
  /** Each path that somebody else has changed, and what a reconcile does about it. */
  readonly drift: readonly Answer[]
  /** What a reconcile would do now, for people. */
  readonly pending: string
  readonly problem: string | null
  /** Live directories of ours that a link or a file hides for now. */
  readonly hidden: readonly AbsPath[]
}

/** The whole answer of `status --json`. */
export interface Report {
  readonly kind: 'status'
  readonly name: string
  readonly config: string | null
  /** The commit that the config was read from, when a newer one brings another config than the one on disk. */
  readonly configFrom: Sha | null
  readonly state: string
  readonly exitCode: number
  readonly interrupted: boolean
  readonly running: string | null
  readonly configBroken: string | null
  readonly lastRun: string | null
  readonly fetched: boolean
  readonly sources: readonly SourceReport[]
}

/** What is known, from a dry run that was told already. */
export function statusOf(run: Run, running: string | null): Report {
  const half = interrupted(run) && running === null
  const sources = run.units.map((unit) => sourceReport(run, unit, half, running !== null))
  return {
    kind: 'status',
    name: run.config.name,
    config: run.config.file,
    configFrom: run.options.configFrom,
    state: run.config.state,
    exitCode: half ? halfDone(run, sources) : exitOf(sources),
    interrupted: half,
    running,
    configBroken: run.status.configBroken,
    lastRun: run.status.lastRun?.at ?? null,
    fetched: run.options.fetch,
    sources,
  }
}

/** A killed run is undone by the next one: something to do. A rollback that could not be finished waits for a person. */
function halfDone(run: Run, sources: readonly SourceReport[]): number {
  const undoes = run.host.store.journal()?.open.some((entry) => entry.undo) === true
  if (undoes || sources.some(({ attempted }) => attempted?.outcome === 'stuck')) return 4
  return exitOf(sources) || 3
}

/** The worst of all sources, by the codes that a reconcile has: a source that was never tried is only behind. */
function exitOf(sources: readonly SourceReport[]): number {
  const outcomes = sources.map((source) => source.outcome)
  const worstCode = exitCode(worst(outcomes))
  return worstCode !== 0 ? worstCode : sources.every((source) => source.ready) ? 0 : 3
}

function sourceReport(run: Run, unit: Unit, half: boolean, busy: boolean): SourceReport {
  const known = knownOf(run, unit.name)
  const applied = run.inventory.applied.get(unit.name) ?? null
  const { attempted, refused, pinned, suspended } = known
  const refuses = refusalOf(run, unit)
  const drift = answers(run, unit)
  const moved = drift.filter(({ answer }) => answer !== 'keep' && answer !== 'leave').length
  const { outcome, problem } =
    refuses === null ? wrong(run, unit, latest(run, attempted)) : { ...wrong(run, unit, null), outcome: 'refused' as const }
  // What is refused will not be.
  const pending = (unit.outcome?.kind === 'refused' ? [] : planned(unit))
    .map(({ name, plan }) => [name, plan.changes.some((change) => change.kind === 'decrypt') ? 'to decrypt' : tally(counts(plan.changes))])
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name}: ${text}`)
    .join('; ')
  const ready =
    !half &&
    applied !== null &&
    refuses === null &&
    problem === null &&
    !changes(unit) &&
    !waits(unit) &&
    // A change of the config that asks for the same files is nothing to apply.
    (unit.commit === null || applied.desired === unit.desired || applied.commit === unit.commit)
  const summary = half
    ? 'Not ready: a run was killed half-way'
    : busy && !ready && refuses === null && problem === null
      ? 'Not ready: a run is under way'
      : (staysSummary(run, unit, ready) ?? said(applied, refuses, moved, pending, outcome, problem, untold(attempted)))
  const ended = ready ? sound(attempted) : outcome === 'in-sync' ? null : failing(unit)
  const conditions = conditionsOf(run, unit.name, { refusal: refuses, ended, interrupted: half, behind: ready ? null : summary })
  return {
    name: unit.name,
    ready,
    summary,
    applied,
    attempted,
    fetchedAt: askedAt(run, unit),
    outcome,
    current: unit.pulled?.commit ?? null,
    ref: unit.pulled?.ref ?? null,
    refuses,
    refused,
    pinned,
    suspended,
    conditions,
    drift,
    pending,
    problem,
    hidden: hiddenOf(run, unit.name),
  }
}

function said(
  applied: Applied | null,
  refuses: Refusal | null,
  drift: number,
  pending: string,
  outcome: OutcomeKind,
  problem: string | null,
  attempt: string | null,
): string {
  if (refuses !== null) {
    const what = refuses.held ? 'is held' : 'is tried again'
    return `Not ready: a revision was rolled back and ${what}${drift > 0 ? ', and there is drift' : ''}`
  }
  if (problem !== null && applied !== null)
    return `Not ready${outcome === 'refused' ? ': a reconcile is refused' : ''}${drift > 0 ? ', and there is drift' : ''}`
  if (applied === null && outcome === 'refused') return 'Never applied: a reconcile is refused'
  if (applied === null)
    return attempt === null ? 'Never applied: run `gitops reconcile`' : 'Never applied: the last attempt did not succeed'
  if (drift > 0) return 'Drift: what is live differs from what was applied; `gitops reconcile` heals it'
  return pending === '' ? 'A newer revision changes nothing here' : 'Behind: `gitops reconcile` applies what is new'
}

/** The last attempt, when it was neither in sync nor applied. */
function untold(attempted: SourceStatus['attempted']): string | null {
  return attempted === null || attempted.outcome === 'in-sync' || attempted.outcome === 'applied' ? null : attempted.message
}

/** What is still known while a config does not load, the one on disk or that of a commit: nothing is ready, and the last applied state stays. */
export function brokenReport(config: Config, store: Store, reason: string, configFrom: Sha | null): Report {
  const [inventory, status] = [store.inventory(), store.status()]
  const sources = config.sources.map(({ name }): SourceReport => {
    const { attempted, fetchedAt, refused, conditions, pinned, suspended } = knownOf({ status }, name)
    return {
      name,
      ready: false,
      summary: `Not ready: the config ${configFrom === null ? 'on disk' : `of ${short(configFrom)}`} cannot be used`,
      applied: inventory.applied.get(name) ?? null,
      attempted,
      fetchedAt,
      outcome: 'failed',
      current: null,
      ref: null,
      refuses: refused.findLast(({ commit }) => commit === attempted?.commit) ?? null,
      refused,
      pinned,
      suspended,
      conditions,
      drift: [],
      pending: '',
      problem: null,
      hidden: [],
    }
  })
  return {
    kind: 'status',
    name: config.name,
    config: config.file,
    configFrom,
    state: config.state,
    exitCode: 2,
    interrupted: store.journal() !== null,
    running: null,
    configBroken: configFrom === null ? reason : status.configBroken,
    lastRun: status.lastRun?.at ?? null,
    fetched: false,
    sources,
  }
}

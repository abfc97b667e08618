import { under, type Sha } from '../lib/model/path.ts'
import { counts, drifted, type DriftKind } from '../lib/model/plan.ts'
import type { Applied, Held, SourceStatus } from '../lib/model/state.ts'
import { tally } from '../lib/model/verdict.ts'
import { changes, interrupted, type Run, type Unit } from './run.ts'

/** What `status` tells of one source. */
export interface SourceReport {
  readonly name: string
  /** Applied, not drifted, nothing held, nothing wrong. */
  readonly ready: boolean
  readonly summary: string
  readonly applied: Applied | null
  readonly attempted: SourceStatus['attempted']
  readonly current: Sha | null
  readonly ref: string | null
  readonly held: Held | null
  readonly drift: readonly { readonly path: string; readonly kind: DriftKind }[]
  /** What a reconcile would do now, for people. */
  readonly pending: string
  readonly problem: string | null
}

/** The whole answer of `status --json`. */
export interface Report {
  readonly kind: 'status'
  readonly name: string
  readonly config: string | null
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
  const sources = run.units.map((unit) => sourceReport(run, unit))
  const half = interrupted(run) && running === null
  const exit =
    half || sources.some((source) => source.attempted?.outcome === 'stuck')
      ? 4
      : sources.some((source) => source.held !== null)
        ? 5
        : sources.every((source) => source.ready)
          ? 0
          : 3
  return {
    kind: 'status',
    name: run.config.name,
    config: run.config.file,
    state: run.config.state,
    exitCode: exit,
    interrupted: half,
    running,
    configBroken: run.status.configBroken,
    lastRun: run.status.lastRun?.at ?? null,
    fetched: run.options.fetch,
    sources,
  }
}

function sourceReport(run: Run, unit: Unit): SourceReport {
  const known = run.status.sources[unit.name]
  const applied = run.inventory.applied.get(unit.name) ?? null
  const held = known?.held ?? null
  const drift = unit.targets.flatMap(({ root, plan }) =>
    drifted(plan.changes).map(({ path, drift }) => ({ path: under(root, path), kind: drift })),
  )
  const failed = unit.outcome?.error !== null && unit.outcome?.error?.code !== 'held' ? (unit.outcome?.message ?? null) : null
  const problem = failed ?? unit.pulled?.problem ?? null
  const pending = unit.targets
    .map(({ name, plan }) => [name, tally(counts(plan.changes))])
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name}: ${text}`)
    .join('; ')
  const ready =
    applied !== null && held === null && problem === null && !changes(unit) && (unit.commit === null || applied.desired === unit.desired)
  return {
    name: unit.name,
    ready,
    summary: ready ? 'No drift: what is live matches Git' : said(applied, held, drift.length, pending, problem),
    applied,
    attempted: known?.attempted ?? null,
    current: unit.pulled?.commit ?? null,
    ref: unit.pulled?.ref ?? null,
    held,
    drift,
    pending,
    problem,
  }
}

function said(applied: Applied | null, held: Held | null, drift: number, pending: string, problem: string | null): string {
  if (held !== null) return `Not ready: a revision was rolled back and is held${drift > 0 ? ', and there is drift' : ''}`
  if (problem !== null && applied !== null) return 'Not ready'
  if (applied === null) return 'Never applied: run `gitops reconcile`'
  if (drift > 0) return 'Drift: what is live differs from what was applied; `gitops reconcile` heals it'
  return pending === '' ? 'A newer revision changes nothing here' : 'Behind: `gitops reconcile` applies what is new'
}

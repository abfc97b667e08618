import { GitopsError } from '../lib/model/errors.ts'
import type { Held, SourceStatus } from '../lib/model/state.ts'
import type { Run, Unit } from './run.ts'

/** Throws `held` for a revision that is not to be tried again. */
export function heldBack(run: Run, unit: Unit): void {
  const held = run.status.sources[unit.name]?.held ?? null
  if (held?.desired !== unit.desired) return
  const [why = ''] = held.reason.split('\n')
  throw new GitopsError('held', `this revision was rolled back and is held${why === '' ? '' : ` (${why})`}`, {
    hint: 'New content, changed targets or checks, or `gitops retry` tries again.',
  })
}

/** Remembers that a revision is not to be tried again. */
export function holdRevision(run: Run, source: string, held: Held): void {
  const known: SourceStatus = run.status.sources[source] ?? { attempted: null, fetchedAt: null, held: null, alerted: null }
  run.status = { ...run.status, sources: { ...run.status.sources, [source]: { ...known, held } } }
  run.host.store.saveStatus(run.status, true)
}

/** Releases what is live again. */
export function releaseRevision(run: Run, source: string, desired: string): void {
  const known = run.status.sources[source]
  if (known?.held?.desired !== desired) return
  run.status = { ...run.status, sources: { ...run.status.sources, [source]: { ...known, held: null } } }
  run.host.store.saveStatus(run.status, true)
}

/** Releases every held revision: the next story tries them again. */
export function forgetHeld(run: Run): void {
  const sources = Object.fromEntries(Object.entries(run.status.sources).map(([name, source]) => [name, { ...source, held: null }]))
  run.status = { ...run.status, sources }
  run.host.store.saveStatus(run.status, true)
}

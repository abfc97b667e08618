import { keepPinned } from '../lib/host/clone.ts'
import { commitOf } from '../lib/host/objects.ts'
import type { ChangeType } from '../lib/model/audit.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { short, type Sha } from '../lib/model/path.ts'
import { span } from '../lib/model/schedule.ts'
import type { Wish } from '../lib/model/state.ts'
import { auditRecord, writeDown } from './audit.ts'
import { refusalsOf } from './desired.ts'
import { know, knownOf, releaseRevision } from './hold.ts'
import type { Run, Unit } from './run.ts'

/** Keeps a source at a commit: the one that is applied, or one that was fetched. Throws `usage`, `no-such-ref` or `held`. */
export async function pin(run: Run, source: string | null, revision: string | null, reason: string | null): Promise<string[]> {
  const [unit, ...more] = named(run, source)
  if (unit === undefined || unit.source === null || more.length > 0)
    throw new GitopsError('usage', 'there are several sources, and each has commits of its own', { hint: 'Name one with --source.' })
  const commit = revision === null ? run.inventory.applied.get(unit.name)?.commit : await found(run, unit, revision)
  if (commit === undefined)
    throw new GitopsError('no-such-ref', `nothing of ${unit.name} is applied yet, so there is nothing to pin it to`, {
      hint: 'Name a revision.',
    })
  const waits = revision === null ? null : await releaseNamed(run, unit, commit)
  know(run, unit.name, { pinned: { commit, ...wish(run, reason) } })
  tell(run, unit, 'pinned', `${short(commit)}${reason === null ? '' : `: ${reason}`}`, commit)
  const next = revision === null ? 'Drift is still healed.' : (waits ?? 'The next reconcile applies it.')
  return [`${unit.name} stays at ${short(commit)} until \`gitops unpin\`. ${next}`]
}

/**
 * Whoever names a revision that was taken back by hand wants it again. Returns what is said of one that failed and is tried again later.
 * Throws `held` for one that failed too often.
 */
async function releaseNamed(run: Run, unit: Unit, commit: Sha): Promise<string | null> {
  const { name } = unit
  const against = await refusalsOf(run, unit, commit)
  const failed = against.find((refusal) => refusal.class !== 'by-hand')
  if (failed === undefined) {
    for (const { desired } of against) releaseRevision(run, name, desired)
    return null
  }
  const [why = ''] = failed.reason.split('\n')
  const as = failed.commit === commit ? '' : `, with the same content as ${short(failed.commit)},`
  if (failed.held)
    throw new GitopsError('held', `${short(commit)} of ${name}${as} was rolled back and is held (${why})`, {
      hint: '`gitops retry` tries it again; nothing was pinned.',
    })
  const left = Date.parse(failed.next ?? '') - run.host.now().getTime()
  const when = left > 0 ? `is tried again in ${span(left)}, or now by \`gitops retry\`` : 'is tried again by the next reconcile'
  return `It${as} was rolled back (${why}), and ${when}.`
}

/** Lets sources follow their refs again. */
export function unpin(run: Run, source: string | null): string[] {
  return named(run, source).map((unit) => {
    if (knownOf(run, unit.name).pinned === null) return `${unit.name} was not pinned. Nothing was changed.`
    know(run, unit.name, { pinned: null })
    tell(run, unit, 'unpinned', '')
    return `${unit.name} follows its source again, from the next reconcile on.`
  })
}

/** Has nothing done for sources until they are resumed. */
export function suspend(run: Run, source: string | null, reason: string | null): string[] {
  return named(run, source).map((unit) => {
    know(run, unit.name, { suspended: wish(run, reason) })
    tell(run, unit, 'suspended', reason ?? '')
    return `${unit.name} is suspended: nothing is done for it, drift included, until \`gitops resume\`.`
  })
}

/** Ends that. */
export function resume(run: Run, source: string | null): string[] {
  return named(run, source).map((unit) => {
    if (knownOf(run, unit.name).suspended === null) return `${unit.name} was not suspended. Nothing was changed.`
    know(run, unit.name, { suspended: null })
    tell(run, unit, 'resumed', '')
    return `${unit.name} is reconciled again, from the next run on.`
  })
}

function wish(run: Run, reason: string | null): Wish {
  return { at: run.host.now().toISOString(), by: run.host.machine.user, reason }
}

function named(run: Run, source: string | null): readonly Unit[] {
  const all = run.units.filter((unit) => unit.source !== null)
  const some = source === null ? all : all.filter(({ name }) => name === source)
  if (some.length > 0) return some
  throw new GitopsError('usage', `there is no source ${JSON.stringify(source)}`, {
    hint: `Known: ${all.map(({ name }) => name).join(', ')}.`,
  })
}

async function found(run: Run, unit: Unit, revision: string): Promise<Sha> {
  if (unit.source === null) throw new Error('a source that left the config is not pinned')
  const { repository } = await run.host.pull(unit.source, { fetch: false, signal: run.signal })
  const commit = await commitOf(repository, revision, run.signal)
  if (commit === null)
    throw new GitopsError('no-such-ref', `${unit.name} has no revision ${JSON.stringify(revision)}, as far as it was fetched`, {
      hint: 'Give the id of a commit that `gitops reconcile` has fetched.',
    })
  if (unit.source.kind !== 'self') await keepPinned(repository, commit)
  return commit
}

function tell(run: Run, unit: Unit, type: ChangeType, message: string, commit?: Sha): void {
  const revision = commit ?? run.inventory.applied.get(unit.name)?.commit ?? ''
  writeDown(run, auditRecord(run, unit, { change_type: type, message, commit: revision }))
}

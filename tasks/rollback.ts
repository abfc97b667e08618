import { asGitopsError, followed, GitopsError } from '../lib/model/errors.ts'
import type { UnitOutcome } from '../lib/model/verdict.ts'
import { rememberBehind } from './behind.ts'
import { runCheck } from './checks.ts'
import { closed } from './generation.ts'
import { noteEnd } from './recover.ts'
import { blameRevision } from './hold.ts'
import { smokeChecks } from './smoke.ts'
import type { Run, Unit } from './run.ts'

/** Takes back what a failed unit did, then asks whose fault it was, unless that is known. Returns the line that tells it. */
export async function rollback(run: Run, unit: Unit, ask = true): Promise<string> {
  const wrote = unit.generation !== null
  const failures = lockLost(run) === null ? await takeBack(unit) : []
  // It may be lost by now, or only by now.
  const lost = lockLost(run)
  if (lost !== null) {
    await run.host.transact.discard(unit.generation?.steps ?? [])
    amend(unit, { kind: 'failed', reason: 'Locked', message: lost.message, error: lost })
    return `${unit.name}  another run takes back what was written`
  }
  if (failures.length > 0) {
    // What cannot be taken back is not tried again by itself.
    if (unit.outcome?.error?.code === 'check' && unit.why === 'revision') blameRevision(run, unit, true)
    return stuck(unit, failures)
  }
  if (!wrote) return `${unit.name}  nothing was written`
  const aftermath = ask ? await blame(run, unit) : 'What was there before is back; another source is to blame'
  const left = unit.left.length === 0 ? '' : `; left alone, because something else wrote there since: ${unit.left.join(', ')}`
  amend(unit, { message: followed(unit.outcome?.message ?? '', `${aftermath}${left}`) })
  return `${unit.name}  rolled back`
}

/** Undoes the files of a unit's open generation. */
export async function undoFiles(run: Run, unit: Unit): Promise<void> {
  const { generation } = unit
  if (generation === null) return
  const { left, kept, behind } = await run.host.transact.undo(generation.steps, run.host)
  rememberBehind(run, behind)
  unit.left = left
  closed(run, [generation.number])
  noteEnd(run, { ...generation, kept: [...generation.kept, ...kept] }, 'rolled-back', unit.outcome?.message ?? 'interrupted')
}

/** Why nothing here is ours to take back any more, or null. */
function lockLost(run: Run): GitopsError | null {
  try {
    run.host.ensure()
    return null
  } catch (error) {
    return asGitopsError(error)
  }
}

async function takeBack(unit: Unit): Promise<GitopsError[]> {
  const failures: GitopsError[] = []
  for (const undo of unit.undos.toReversed()) {
    try {
      await undo()
    } catch (error) {
      failures.push(asGitopsError(error, 'stuck'))
    }
  }
  return failures
}

/** The same checks once more on the restored state tell a bad revision from a bad day. */
async function blame(run: Run, unit: Unit): Promise<string> {
  const code = unit.outcome?.error?.code
  if (code !== 'check' || run.signal.aborted) return 'What was there before is back'
  if (await passes(run, unit)) {
    if (unit.why !== 'revision') return 'What was there before is back, and the check passes again'
    return `What was there before is back, and the check passes there: ${isHeld(run, unit)}`
  }
  amend(unit, { reason: 'EnvironmentFailed' })
  return 'What was there before is back, and the check fails there too, so it fails with and without this revision: nothing is held against it'
}

async function passes(run: Run, unit: Unit): Promise<boolean> {
  try {
    for (const check of [...smokeChecks(run, unit), ...smokeChecks(run, null)]) {
      await runCheck(run, { ...check, retries: 0 }, { cwd: run.config.home, stage: null, source: unit.name, revision: null })
    }
    return true
  } catch {
    return false
  }
}

function isHeld(run: Run, unit: Unit): string {
  const refusal = blameRevision(run, unit, false)
  if (refusal === null || refusal.held) return 'this revision is held until its content or the config changes, or `gitops retry`'
  return `this revision has failed ${refusal.attempts} of ${run.config.retry.attempts} times and is tried again later, or now by \`gitops retry\``
}

function stuck(unit: Unit, failures: readonly GitopsError[]): string {
  const error = new GitopsError('stuck', failures.map((failure) => failure.message).join('\n'), {
    hint: failures.find((failure) => failure.hint !== undefined)?.hint ?? 'Look at what failed and mend it by hand.',
  })
  amend(unit, {
    kind: 'stuck',
    reason: 'Stuck',
    message: followed(unit.outcome?.message ?? '', `Then the rollback failed: ${error.message}`),
    error,
  })
  return `${unit.name}  the rollback failed`
}

function amend(unit: Unit, change: Partial<UnitOutcome>): void {
  if (unit.outcome !== null) unit.outcome = { ...unit.outcome, ...change }
}

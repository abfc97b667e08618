import { discardIfDamaged, protect } from '../lib/host/clone.ts'
import { followed } from '../lib/model/errors.ts'
import { worst } from '../lib/model/outcome.ts'
import { tally, type UnitOutcome } from '../lib/model/verdict.ts'
import { knownOf } from './hold.ts'
import { changes, targetOutcomes, type Run, type Unit } from './run.ts'
import { leftByChecks } from './left-by-checks.ts'
import { staysSaid } from './answers.ts'
import { commit, learnt } from './generation.ts'
import { remember } from './remember.ts'

/** Writes down what became of each unit: the inventory of those that had nothing to write, and what was attempted. */
export async function record(run: Run): Promise<void> {
  const before = run.status
  for (const unit of run.units) unit.outcome = concluded(run, unit)
  if (run.host.dry) return
  run.host.ensure()
  const quiet = run.units.filter(
    (unit) => unit.generation === null && (unit.outcome?.kind === 'in-sync' || unit.standingBy !== null) && learnt(run, unit),
  )
  const learned = new Set(quiet)
  commit(run, quiet)
  for (const unit of run.units) {
    const applied = unit.outcome?.kind === 'applied' || unit.again !== null || learned.has(unit)
    if (applied && unit.standingBy === null && unit.source !== null && unit.source.kind !== 'self' && unit.pulled !== null)
      await protect(unit.pulled.repository, unit.commit ?? unit.pulled.commit, run.signal)
  }
  const news = run.units.some((unit) => unit.outcome?.kind !== 'in-sync' || knownOf({ status: before }, unit.name).alerted !== null)
  // Each of these is done whatever became of the others.
  if (news) await noted(run, async () => (await import('./audit.ts')).audit(run, before))
  await noted(run, () => remember(run))
  if (news) await noted(run, async () => (await import('./alerts.ts')).alerts(run))
  // Nothing new is kept where nothing was written.
  if (run.units.some((unit) => unit.generation !== null)) await noted(run, async () => (await import('./collect.ts')).collect(run))
  for (const { source, pulled, outcome } of run.units)
    if (source !== null && source.kind !== 'self' && pulled !== null && outcome?.error?.code === 'git' && !run.signal.aborted)
      await discardIfDamaged(pulled.repository, run.signal)
}

/** Writes down what became of a run; where that fails it is a note, for what was done stands. */
export async function noted(run: Run, write: () => Promise<void> | void): Promise<void> {
  try {
    await write()
  } catch (error) {
    const note = `what became of this run could not be written down: ${(error as Error).message}`
    if (!run.notes.includes(note)) run.notes.push(note)
  }
}

const WORDS = { stuck: 'Stuck', applied: 'Applied', 'in-sync': 'InSync' } as const

function concluded(run: Run, unit: Unit): UnitOutcome {
  if (unit.standingBy !== null) return stoodBy(run, unit, unit.standingBy)
  if (unit.outcome !== null) return unit.outcome
  const targets = targetOutcomes(unit)
  const total = targets.reduce(
    (sum, { created, updated, deleted }) => ({
      created: sum.created + created,
      updated: sum.updated + updated,
      deleted: sum.deleted + deleted,
    }),
    { created: 0, updated: 0, deleted: 0 },
  )
  // What is live is not what is wanted where its checks have left something that could not be put back.
  const kind = unit.again?.outcome ? 'stuck' : changes(unit) ? 'applied' : 'in-sync'
  return {
    source: unit.name,
    kind,
    reason: WORDS[kind],
    message: [
      tally(total),
      toDecrypt(unit),
      staysSaid(run, unit),
      leftByChecks(unit),
      unit.why === 'heal' && kind === 'applied' ? `drift ${run.host.dry ? 'would be' : 'was'} healed` : '',
    ]
      .filter(Boolean)
      .join('; '),
    revision: unit.commit,
    targets,
    error: unit.again?.outcome?.error ?? null,
  }
}

/** What became of the revision is what is said, and that drift was healed beside it; healing that failed comes first. */
function stoodBy(run: Run, unit: Unit, refused: UnitOutcome): UnitOutcome {
  const { outcome } = unit
  if (outcome !== null) {
    const message = followed(`Drift could not be healed: ${outcome.message}`, `What was pulled is not applied: ${refused.message}`)
    return { ...(worst([outcome.kind, refused.kind]) === outcome.kind ? outcome : refused), message }
  }
  const healed = `Drift ${run.host.dry ? 'would be' : 'was'} healed to what was applied last`
  const message = changes(unit) ? followed(refused.message, [healed, leftByChecks(unit)].filter(Boolean).join('; ')) : refused.message
  return { ...refused, message, targets: targetOutcomes(unit) }
}

/** What a dry run cannot know: it decrypts nothing. */
function toDecrypt(unit: Unit): string {
  const { length } = unit.secrets.filter(({ plan }) => plan.changes.some((change) => change.kind === 'decrypt'))
  return length === 0 ? '' : `${length} secret${length === 1 ? '' : 's'} to decrypt`
}

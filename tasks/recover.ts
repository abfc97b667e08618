import { GitopsError } from '../lib/model/errors.ts'
import type { AbsPath } from '../lib/model/path.ts'
import { TAKEN_BACK } from '../lib/model/refusal.ts'
import { takeBack, type Generation } from '../lib/model/state.ts'
import { auditGeneration } from './audit.ts'
import { rememberBehind } from './behind.ts'
import { closed } from './generation.ts'
import { refuseByHand, releaseRevision } from './hold.ts'
import type { Run } from './run.ts'

/** Undoes what a killed run left half done, before anything else. Returns what it did, for people. */
export async function recover(run: Run): Promise<string[]> {
  const { store } = run.host
  const said: string[] = []
  for (const { generation: number, undo } of (store.journal()?.open ?? []).toReversed()) {
    const generation = store.generation(number)
    if (generation === null)
      throw new GitopsError('stuck', `the journal names generation ${number}, which is not in ${store.directory}`, {
        hint: 'Restore that directory, or remove its journal.json and look at the target yourself.',
      })
    try {
      said.push(await recoverOne(run, generation, undo))
    } catch (error) {
      throw unfinished(number, error)
    }
  }
  return said
}

async function recoverOne(run: Run, generation: Generation, undo: boolean): Promise<string> {
  const { number, unit } = generation
  // Its end was written down, and only the journal not closed.
  const ended = generation.outcome !== 'applied'
  const done = ended || (number <= run.inventory.generation && !undo)
  const left = done ? [] : await takeBackFiles(run, generation, undo)
  closed(run, [number])
  if (done) return `generation ${number} was ${ended ? 'taken back' : 'already live'}`
  const alone = left.length === 0 ? '' : `; left alone: ${left.join(', ')}`
  return `generation ${number} of ${unit} was ${undo ? 'taken back' : 'half done and is undone'}${alone}`
}

async function takeBackFiles(run: Run, generation: Generation, undo: boolean): Promise<readonly AbsPath[]> {
  if (undo) refuseIfLive(run, generation)
  const { left, kept, behind } = await run.host.transact.undo(generation.steps, run.host)
  rememberBehind(run, behind)
  run.inventory = takeBack(run.inventory, generation)
  run.host.store.saveInventory(run.inventory)
  // What is live again is not refused, though the same content may have been taken back a moment ago.
  const live = run.inventory.applied.get(generation.unit)
  if (live !== undefined) releaseRevision(run, generation.unit, live.desired)
  const copied = { ...generation, kept: [...generation.kept, ...kept] }
  noteEnd(run, copied, undo ? 'taken-back' : 'undone', undo ? TAKEN_BACK : 'its run was killed half-way')
  auditGeneration(run, generation, undo ? 'rollback' : 'recovered', left)
  return left
}

/** Whatever stopped an undo: it has begun, so the machine is neither as it was nor done. */
function unfinished(number: number, error: unknown): GitopsError {
  if (error instanceof GitopsError && (error.code === 'stuck' || error.code === 'locked')) return error
  return new GitopsError('stuck', `taking back generation ${number} has begun and is not finished: ${(error as Error).message}`, {
    hint: 'Mend that, then run `gitops reconcile`: it finishes the undo before anything else.',
    cause: error,
  })
}

/** Of a generation that is not live any more the record stays, for the history; there is nothing to undo in it. */
export function noteEnd(run: Run, generation: Generation, outcome: 'rolled-back' | 'taken-back' | 'undone', reason: string): void {
  const nothing = { applied: null, targets: new Map(), secrets: new Map(), originals: new Map(), vacated: new Map(), roots: new Map() }
  const ended = run.host.now().toISOString()
  run.host.store.saveGeneration({ ...generation, outcome, ended, reason, steps: [], before: nothing })
}

/**
 * What a person takes back is refused from now on; before the first file goes, so that a kill in between does not bring it again. What is
 * applied by now counts, for the config may have changed since.
 */
function refuseIfLive(run: Run, { number, unit, why }: Generation): void {
  const applied = run.inventory.applied.get(unit)
  if (applied !== undefined && applied.generation >= number && why === 'revision') refuseByHand(run, unit, applied, TAKEN_BACK)
}

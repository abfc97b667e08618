import { GitopsError } from '../lib/model/errors.ts'
import { short } from '../lib/model/path.ts'
import type { Generation } from '../lib/model/state.ts'
import { recover } from './recover.ts'
import { interrupted, type Run } from './run.ts'

/** Takes the last applied revision back and holds it. Returns what it did, for people. Throws `no-such-path` when there is none. */
export async function takeBackLast(run: Run): Promise<string[]> {
  const said = interrupted(run) ? await recover(run) : []
  const generation = last(run)
  if (generation === null)
    throw new GitopsError('no-such-path', 'there is no applied generation to roll back to', { hint: 'Nothing was changed.' })
  // The rest is recovery's work, also if we are killed in the middle of it: it holds the revision and undoes it.
  run.host.store.saveJournal({ open: [{ generation: generation.number, undo: true }] })
  const undone = await recover(run)
  const applied = run.inventory.applied.get(generation.unit)
  return [
    ...said,
    ...undone.filter((line) => line.includes('left alone')),
    `Rolled back: ${generation.unit}, generation ${generation.number}. ${applied === undefined ? 'What was there before us is back' : `Live again: ${short(applied.commit)}`}.`,
  ]
}

function last(run: Run): Generation | null {
  const { store } = run.host
  refuseIfLost(run)
  for (const number of store.generations().toReversed()) {
    const generation = store.generation(number)
    if (generation !== null && number <= run.inventory.generation && generation.outcome === 'applied' && generation.why !== 'heal')
      return generation
  }
  return null
}

/** What is live must be the first to go: an older generation, undone in its place, would leave a mixture of the two. Throws `stuck`. */
function refuseIfLost(run: Run): void {
  const { store } = run.host
  for (const [unit, { generation: number }] of run.inventory.applied) {
    if (number === 0 || store.generation(number)?.unit === unit) continue
    throw new GitopsError('stuck', `generation ${number}, which is live, is missing or damaged in ${store.directory}/generations`, {
      hint: 'It cannot be taken back. Nothing was changed; commit the older content to the source to go back to it.',
    })
  }
}

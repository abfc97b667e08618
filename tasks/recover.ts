import { removeStage, stageDirectory } from '../lib/host/stage.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { takeBack } from '../lib/model/state.ts'
import { closed } from './generation.ts'
import type { Run } from './run.ts'

/** Undoes what a killed run left half done, before anything else. Returns what it did, for people. */
export function recover(run: Run): string[] {
  removeStage(stageDirectory(run.config.state))
  const { store, kept, transact } = run.host
  const said: string[] = []
  for (const { generation: number, undo } of (store.journal()?.open ?? []).toReversed()) {
    const generation = store.generation(number)
    if (generation === null)
      throw new GitopsError('stuck', `the journal names generation ${number}, which is not in ${store.directory}`, {
        hint: 'Restore that directory, or remove its journal.json and look at the target yourself.',
      })
    if (number <= run.inventory.generation && !undo) said.push(`generation ${number} was already live`)
    else {
      const { left } = transact.undo(generation.steps, kept)
      run.inventory = takeBack(run.inventory, generation)
      store.saveInventory(run.inventory)
      if (undo) store.saveGeneration({ ...generation, takenBack: run.host.now().toISOString() })
      else store.dropGeneration(number)
      said.push(
        `generation ${number} of ${generation.unit} was ${undo ? 'taken back' : 'half done and is undone'}${left.length === 0 ? '' : `; left alone: ${left.join(', ')}`}`,
      )
    }
    closed(run, [number])
  }
  return said
}

import { keptList, saveKeptList } from '../lib/host/kept-list.ts'
import { relisted } from '../lib/model/kept-list.ts'
import type { KeptCopy } from '../lib/model/state.ts'
import type { Step } from '../lib/model/steps.ts'
import { listedCopy } from './kept-copy.ts'
import type { Run } from './run.ts'

/**
 * Remembers steps that were undone while a link hid where they were taken, so that no temporary file stays there for ever. Where that cannot be
 * written down it is a note: the undo stands.
 */
export function rememberBehind({ host: { store }, notes }: Run, steps: readonly Step[]): void {
  if (steps.length === 0) return
  try {
    store.saveBehind([...store.behind(), ...steps])
  } catch (error) {
    const places = [...new Set(steps.map(({ path }) => path.slice(0, path.lastIndexOf('/'))))].join(', ')
    notes.push(`a temporary file of ours may stay for ever in ${places}, where a link stands now: ${(error as Error).message}`)
  }
}

/** Removes temporary files that could not be reached when their run was undone, once their directory is in its place again. */
export async function sweepBehind({ config, host }: Run): Promise<void> {
  const steps = host.store.behind()
  if (steps.length === 0) return
  const { kept, behind } = await host.transact.sweep(steps, host.kept)
  if (behind.length === steps.length) return
  const at = host.now().toISOString()
  saveKeptList(
    config.state,
    relisted(
      keptList(config.state),
      kept.map((copy: KeptCopy) => listedCopy(at, copy)),
      -Infinity,
    ),
  )
  host.store.saveBehind(behind)
}

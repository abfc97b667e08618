import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AbsPath } from '../model/path.ts'
import { removeStage, stageDirectory } from './stage.ts'

/**
 * Removes what runs that were killed have left in our own places: the stage and temporary files of the state. `dead` are their
 * lock files; they go last, so that a tidying that is killed itself is done again.
 */
export function tidy(state: AbsPath, dead: readonly string[]): void {
  if (dead.length === 0) return
  removeStage(stageDirectory(state))
  const kept = join(state, 'kept')
  for (const directory of [state, join(state, 'generations'), ...names(kept).map((name) => join(kept, name))])
    for (const name of names(directory)) if (name.endsWith('.tmp')) rmSync(join(directory, name), { force: true })
  for (const path of dead) rmSync(path, { recursive: true, force: true })
}

function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}

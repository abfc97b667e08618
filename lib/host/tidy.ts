import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { AbsPath } from '../model/path.ts'
import { COPIES } from './state-file.ts'
import { removeStage, stageDirectory } from './stage.ts'

/**
 * Removes what runs that were killed have left in our own places: the stage and temporary files of the state. `dead` are their
 * lock files; they go last, so that a tidying that is killed itself is done again.
 */
export function tidy(state: AbsPath, dead: readonly string[]): void {
  if (dead.length === 0) return
  removeStage(stageDirectory(state))
  const copies = ['kept', 'sealed'].map((room) => join(state, room)).flatMap((room) => names(room).map((name) => join(room, name)))
  const own = [state, join(state, COPIES)].flatMap((room) => [room, join(room, 'generations')])
  for (const directory of [...own, ...copies])
    for (const name of names(directory)) if (name.endsWith('.tmp')) rmSync(join(directory, name), { force: true })
  for (const path of dead) rmSync(path, { recursive: true, force: true })
}

function names(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : []
}

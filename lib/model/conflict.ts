import type { AbsPath } from './path.ts'
import type { Change } from './plan.ts'

type Conflict = Extract<Change, { kind: 'conflict' }>

/** A conflict as a sentence about its live path, with the line and column in it where those are known. */
export function conflictAt(path: AbsPath, { at, reason }: Conflict): string {
  return at === undefined ? `${path} ${reason}` : `${path}:${at[0]}:${at[1]} ${reason}`
}

/** Why there is a conflict, where the path is told already. */
export function conflictReason({ at, reason }: Conflict): string {
  return at === undefined ? reason : `line ${at[0]}, column ${at[1]}: ${reason}`
}

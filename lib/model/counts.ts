import type { Change } from './plan.ts'

/** How many entries a plan creates, updates and deletes. */
export interface Counts {
  readonly created: number
  readonly updated: number
  readonly deleted: number
}

/** How many entries are written, for people. */
export function counts(changes: readonly Change[]): Counts {
  const of = (kind: Change['kind']): number => changes.filter((change) => change.kind === kind).length
  const made = changes.filter((change) => change.kind === 'edit' && change.created).length
  return { created: of('create') + made, updated: of('update') + of('edit') - made, deleted: of('delete') }
}

/** More than half *and* more than ten of the owned entries, or all of them, would go: refused without `--allow-shrink`. */
export function shrinksTooMuch(owned: number, wanted: number, deleted: number): boolean {
  if (owned === 0) return false
  return wanted === 0 || (deleted > 10 && deleted * 2 > owned)
}

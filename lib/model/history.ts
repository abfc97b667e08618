import type { Generation } from './state.ts'

/**
 * Of generations, oldest first, those of a unit that brought what is live now and what can be gone back to: committed, applied and not
 * taken back. Healing drift makes no state of its own. Pure.
 */
export function states(all: readonly Generation[], committed: number, unit: string): Generation[] {
  return all.filter((one) => one.unit === unit && one.number <= committed && one.outcome === 'applied' && one.why !== 'heal')
}

import type { Generation, Inventory } from './state.ts'

/**
 * Of generations, oldest first, those of a unit that brought what is live now and what can be gone back to: committed, applied and not
 * taken back. Healing drift makes no state of its own. Pure.
 */
export function states(all: readonly Generation[], committed: number, unit: string): Generation[] {
  return all.filter((one) => one.unit === unit && one.number <= committed && one.outcome === 'applied' && one.why !== 'heal')
}

/**
 * Whether a source can go back to what a generation left: it is applied still, and the row of those that would have to go is unbroken.
 * `all` are those that are readable, oldest first. Pure.
 */
export function isRestorable(all: readonly Generation[], committed: number, one: Generation): boolean {
  if (!isStanding(all, committed, one)) return false
  const { number, unit } = one
  const there = new Set(all.filter((other) => other.unit === unit).map((other) => other.number))
  return states(all, committed, unit)
    .filter((other) => other.number > number)
    .map(({ before }) => before.applied?.generation ?? 0)
    .every((below) => below <= number || there.has(below))
}

/** Whether a generation is committed and applied still; one that healed drift went with the state that it healed. Pure. */
export function isStanding(all: readonly Generation[], committed: number, { number, outcome, why, before }: Generation): boolean {
  if (outcome !== 'applied' || number > committed) return false
  const healed = why === 'heal' ? all.find((other) => other.number === before.applied?.generation) : undefined
  return healed === undefined || healed.outcome === 'applied'
}

/** The generation of a unit that wrote last what is live now: its newest state, or the newest that healed that. Pure. */
export function liveOf(all: readonly Generation[], committed: number, unit: string): Generation | undefined {
  const state = states(all, committed, unit).at(-1)
  const healed = (one: Generation): boolean => one.why === 'heal' && one.before.applied?.generation === state?.number
  return all.findLast((one) => one === state || (one.unit === unit && one.number <= committed && one.outcome === 'applied' && healed(one)))
}

/** Which generations may go; ages in milliseconds. */
export interface Retention {
  readonly generations: number
  readonly age: number
  /** The time it is. */
  readonly now: number
}

/**
 * Of generations, oldest first, those that are too many or too old: of each source's states, and of its records of healing and of what was
 * taken back. Never what is live, what would be gone back to, or what is `open`. What goes is always the older end of a row, and is told oldest first: whoever is killed while
 * removing them leaves no gap. Pure.
 */
export function expired(all: readonly Generation[], inventory: Inventory, open: readonly number[], retention: Retention): number[] {
  const gone: number[] = []
  for (const unit of new Set(all.map((each) => each.unit))) {
    const live = states(all, inventory.generation, unit)
    const row = new Set(live)
    const rest = all.filter(
      (each) => each.unit === unit && !row.has(each) && (each.outcome !== 'applied' || each.number <= inventory.generation),
    )
    const needed = new Set([...open, inventory.applied.get(unit)?.generation, ...live.map(({ before }) => before.applied?.generation)])
    gone.push(...olderEnd(live, 2, retention), ...olderEnd(rest, 0, retention).filter((number) => !needed.has(number)))
  }
  return gone.filter((number) => !open.includes(number)).toSorted((a, b) => a - b)
}

function olderEnd(row: readonly Generation[], least: number, { generations, age, now }: Retention): number[] {
  const newest = row.toReversed()
  const first = newest.findIndex(({ at }, index) => index >= least && (index >= generations || now - Date.parse(at) > age))
  return first === -1 ? [] : newest.slice(first).map(({ number }) => number)
}

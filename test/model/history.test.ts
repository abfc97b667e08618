import { expect, test } from 'vitest'
import { expired } from '../../lib/model/history.ts'
import type { Sha } from '../../lib/model/path.ts'
import { EMPTY_INVENTORY, type Generation, type Inventory } from '../../lib/model/state.ts'

const DAY = 24 * 3_600_000
const NOW = Date.parse('2026-03-01T12:00:00Z')

interface Row {
  readonly days: number
  readonly unit?: string
  readonly why?: Generation['why']
  readonly outcome?: Generation['outcome']
}

/** Generations numbered from 1, so many days old each; each knows the applied one before it. */
function history(rows: readonly Row[]): { all: Generation[]; inventory: Inventory } {
  const applied = new Map<string, NonNullable<Generation['before']['applied']>>()
  const all = rows.map(({ days, unit = 'team', why = 'revision', outcome = 'applied' }, index): Generation => {
    const at = new Date(NOW - days * DAY).toISOString()
    const commit = `${index}`.padStart(40, '0') as Sha
    const nothing = { targets: new Map(), secrets: new Map(), originals: new Map(), vacated: new Map(), roots: new Map() }
    const before = { applied: applied.get(unit) ?? null, ...nothing }
    if (why !== 'heal' && outcome === 'applied') applied.set(unit, { commit, desired: commit, at, generation: index + 1 })
    const wrote = { targets: [], created: 0, updated: 0, deleted: 0 }
    const nobody = { author: null, signer: null, kept: [], ended: null, reason: null, steps: [] }
    return { number: index + 1, unit, commit, desired: commit, why, at, wrote, outcome, ...nobody, before }
  })
  return { all, inventory: { ...EMPTY_INVENTORY, generation: rows.length, applied } }
}

const old = (...days: number[]): Row[] => days.map((each) => ({ days: each }))

for (const [title, rows, limits, open, gone] of [
  ['nothing goes that is neither too many nor too old', old(3, 2, 1), { generations: 3, age: 4 }, [], []],
  ['the oldest goes that is one too many', old(4, 3, 2, 1), { generations: 3, age: 9 }, [], [1]],
  ['what is older than the age goes, to the day', old(11, 10.01, 10, 9, 1), { generations: 20, age: 10 }, [], [1, 2]],
  ['what is live, and what it would go back to, stays however old it is', old(400, 300, 200), { generations: 20, age: 10 }, [], [1]],
  ['what is live, and what it would go back to, stays however few are wanted', old(3, 2, 1), { generations: 0, age: 9 }, [], [1]],
  ['one that was never followed by another stays', old(400), { generations: 0, age: 0 }, [], []],
  ['a clock that was put back makes nothing older', old(-5, -4, -3), { generations: 20, age: 10 }, [], []],
  ['what is older than one that goes goes too, whatever its date says', old(1, 20, 2, 1), { generations: 20, age: 10 }, [], [1, 2]],
  ['an open one stays', old(400, 300, 200, 100), { generations: 1, age: 1 }, [1], [2]],
  [
    'records of healing and of what was taken back go by the same limits, and for them none is needed',
    [{ days: 30, why: 'heal' }, { days: 20, outcome: 'taken-back' }, { days: 2 }, { days: 1, outcome: 'rolled-back' }],
    { generations: 20, age: 10 },
    [],
    [1, 2],
  ],
  [
    'each source has limits of its own',
    [
      { days: 5, unit: 'a' },
      { days: 4, unit: 'b' },
      { days: 3, unit: 'b' },
      { days: 2, unit: 'b' },
      { days: 1, unit: 'a' },
    ],
    { generations: 2, age: 90 },
    [],
    [2],
  ],
] as readonly (readonly [string, readonly Row[], { generations: number; age: number }, readonly number[], readonly number[]])[])
  test(`of the generations that are kept ${title}`, () => {
    const { all, inventory } = history(rows)
    expect(expired(all, inventory, open, { generations: limits.generations, age: limits.age * DAY, now: NOW })).toEqual(gone)
  })

test('a generation that is not committed is never collected, however old', () => {
  const { all, inventory } = history(old(400, 300, 200, 100))
  const applied = new Map([['team', all[3]?.before.applied as NonNullable<Generation['before']['applied']>]])
  expect(expired(all, { ...inventory, applied, generation: 3 }, [], { generations: 0, age: DAY, now: NOW })).toEqual([1])
})

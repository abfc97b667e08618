import { expect, test } from 'vitest'
import { contestedAfter, rests, type Contested } from '../../lib/model/contested.ts'
import { absPath } from '../../lib/model/path.ts'

const P = absPath('/live/p')
const MINUTE = 60_000
type Known = Readonly<Record<string, Contested>>
const healed = (known: Known, now: number): Known => contestedAfter(known, { healed: [P], waiting: [], seen: () => true }, now)

test('a path that was put back three times in a row rests a minute, then twice as long each time, up to an hour', () => {
  let known: Known = {}
  let now = 0
  const rested: number[] = []
  for (let run = 0; run < 11; run++) {
    known = healed(known, now)
    const entry = known[P] as Contested
    let minutes = 0
    while (rests(entry, now + minutes * MINUTE)) minutes++
    rested.push(minutes)
    now = Date.parse(entry.next)
  }
  expect(rested).toEqual([0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60])
})

test('a path that is found as it should be is forgotten; one that waits, or that nobody looked at, is not', () => {
  const known = healed(healed(healed({}, 0), 0), 0)
  const nothing = { healed: [], waiting: [] }
  expect(contestedAfter(known, { ...nothing, seen: () => true }, 1)).toEqual({})
  expect(contestedAfter(known, { ...nothing, seen: () => false }, 1)).toEqual(known)
  expect(contestedAfter(known, { healed: [], waiting: [P], seen: () => true }, 1)).toEqual(known)
})

test('a clock that is set back makes no path wait for longer than an hour', () => {
  const [entry] = Object.values(healed(healed(healed({}, 1e12), 1e12), 1e12))
  expect(rests(entry as Contested, 1e12 + 1)).toBe(true)
  expect(rests(entry as Contested, 1e12 - 61 * MINUTE)).toBe(false)
})

import { expect, test } from 'vitest'
import type { Sha } from '../../lib/model/path.ts'
import { isRefused, killedAgain, restored, stored, without, withFailure, type Failure, type Refusal } from '../../lib/model/refusal.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
const LIMITS = { attempts: 3, after: [60_000, 300_000] }

function failure(at: number, more: Partial<Failure> = {}): Failure {
  return { desired: 'd', commit: 'c' as Sha, reason: 'check', class: 'health', at: new Date(START + at), jitter: 0.5, hold: false, ...more }
}

const only = (known: readonly Refusal[]): Refusal => known[0] as Refusal

test('a revision that fails waits a minute, then five, and is held after the third time', () => {
  const one = withFailure([], failure(0), LIMITS)
  expect(only(one)).toMatchObject({ attempts: 1, held: false, next: '2026-01-01T00:01:00.000Z' })
  expect([59_999, 60_000].map((now) => isRefused(only(one), START + now))).toEqual([true, false])
  const two = withFailure(one, failure(60_000, { commit: 'other' as Sha }), LIMITS)
  expect(only(two)).toMatchObject({ attempts: 2, commit: 'other', first: '2026-01-01T00:00:00.000Z', next: '2026-01-01T00:06:00.000Z' })
  const three = withFailure(two, failure(400_000), LIMITS)
  expect(three).toHaveLength(1)
  expect(only(three)).toMatchObject({ attempts: 3, held: true, next: null })
  expect(isRefused(only(three), START + 1e12)).toBe(true)
})

test('what is held stays held when it fails again, whatever is said of it then', () => {
  const byHand = withFailure([], failure(0, { class: 'by-hand', hold: true }), LIMITS)
  expect(only(byHand)).toMatchObject({ attempts: 1, held: true, next: null })
  expect(only(withFailure(byHand, failure(1), LIMITS))).toMatchObject({ class: 'health', attempts: 2, held: true, next: null })
})

test('machines that fail together try again up to a fifth of the pause apart', () => {
  const next = [0, 1].map((jitter) => Date.parse(only(withFailure([], failure(0, { jitter }), LIMITS)).next ?? '') - START)
  expect(next).toEqual([54_000, 66_000])
})

test('a clock that is put back makes nothing wait longer', () => {
  const one = only(withFailure([], failure(0), LIMITS))
  expect(isRefused(one, START - 1)).toBe(false)
})

test('twenty revisions are remembered, the newest, and one that went well is forgotten', () => {
  let known: readonly Refusal[] = []
  for (let index = 0; index < 25; index += 1) known = withFailure(known, failure(index, { desired: `d${index}` }), LIMITS)
  expect(known.map(({ desired }) => desired)).toEqual(Array.from({ length: 20 }, (_, index) => `d${index + 5}`))
  expect(without(known, 'd7').map(({ desired }) => desired)).not.toContain('d7')
  expect(without(known, 'nosuch')).toBe(known)
})

test('what a person took back is forgotten by no failure, and only beyond a thousand, the oldest first', () => {
  const byHand = (index: number, at: number): Failure => failure(at, { desired: `h${index}`, class: 'by-hand', hold: true })
  let known: readonly Refusal[] = []
  // The newest is taken back first, as a rollback does.
  for (let index = 29; index >= 0; index -= 1) known = withFailure(known, byHand(index, 1000 - index), LIMITS)
  for (let index = 0; index < 25; index += 1) known = withFailure(known, failure(2000 + index, { desired: `d${index}` }), LIMITS)
  const ofClass = (name: string): string[] => known.filter((refusal) => refusal.class === name).map(({ desired }) => desired)
  expect(ofClass('by-hand')).toHaveLength(30)
  expect(ofClass('health')).toEqual(Array.from({ length: 20 }, (_, index) => `d${index + 5}`))
  for (let index = 30; index < 1010; index += 1) known = withFailure(known, byHand(index, 3000 + index), LIMITS)
  expect(ofClass('by-hand')).toHaveLength(1000)
  expect(Array.from({ length: 1010 }, (_, index) => `h${index}`).filter((desired) => !ofClass('by-hand').includes(desired))).toEqual(
    Array.from({ length: 10 }, (_, index) => `h${index + 20}`),
  )
  expect(ofClass('health')).toHaveLength(20)
})

test('by date, not by place, and what was taken back just now stays though the clock was put back', () => {
  let known: readonly Refusal[] = []
  for (let index = 0; index < 1000; index += 1)
    known = withFailure(known, failure(index === 500 ? 1 : 5000 + index, { desired: `h${index}`, class: 'by-hand', hold: true }), LIMITS)
  known = withFailure(known, failure(0, { desired: 'now', class: 'by-hand', hold: true }), LIMITS)
  expect(known).toHaveLength(1000)
  expect(known.map(({ desired }) => desired)).not.toContain('h500')
  expect(known.at(-1)?.desired).toBe('now')
})

test('of what a person took back little is written down, and all of it is known again', () => {
  const [byHand] = withFailure([], failure(0, { class: 'by-hand', reason: 'rolled back by hand', hold: true }), LIMITS)
  const [failed] = withFailure([], failure(0), LIMITS)
  for (const refusal of [byHand, failed] as Refusal[]) expect(restored(stored(refusal))).toEqual(refusal)
  expect(Object.keys(stored(byHand as Refusal))).toEqual(['desired', 'commit', 'last', 'class'])
})

test('killed runs count in a row, for the same content only', () => {
  const two = killedAgain(killedAgain(null, 'a'), 'a')
  expect(two).toEqual({ desired: 'a', times: 2 })
  expect(killedAgain(two, 'b')).toEqual({ desired: 'b', times: 1 })
})

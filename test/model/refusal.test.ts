import { expect, test } from 'vitest'
import type { Sha } from '../../lib/model/path.ts'
import { isRefused, killedAgain, without, withFailure, type Failure, type Refusal } from '../../lib/model/refusal.ts'

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

test('killed runs count in a row, for the same content only', () => {
  const two = killedAgain(killedAgain(null, 'a'), 'a')
  expect(two).toEqual({ desired: 'a', times: 2 })
  expect(killedAgain(two, 'b')).toEqual({ desired: 'b', times: 1 })
})

import { expect, test } from 'vitest'
import { readOff, type AgeClock } from '../../lib/model/age-clock.ts'
import { listedCopies, listedLine, relisted } from '../../lib/model/kept-list.ts'

const DAY = 24 * 3_600_000
const T = Date.parse('2026-03-01T12:00:00Z')

/** What ages are counted by after runs at these days. */
function counted(...days: number[]): number | null {
  const clock = days.reduce<AgeClock | null>((before, day) => readOff(before, T + day * DAY), null)
  return clock?.counted === null || clock === null ? null : (clock.counted - T) / DAY
}

for (const [title, days, result] of [
  ['no age counts in a first run', [0], null],
  ['no age counts before two runs, a day apart, have seen the clock', [0, 0.5, 0.9], null],
  ['ages are counted by what a run a day earlier has read', [0, 1], 0],
  ['ages go on where runs follow each other closely', [0, 0.4, 0.8, 1.2, 1.6, 2, 2.4], 1.2],
  ['one run with the clock a hundred days ahead makes nothing older', [0, 1, 101, 1.1, 1.2], 1],
  ['not while it lasts either', [0, 1, 101, 101.5], 1],
  ['a clock that stays ahead is believed after a day', [0, 1, 101, 102], 101],
  ['a clock that is put back counts at once', [0, 100, 200, 3, 4.5], 3],
] as const)
  test(`a copy's age: ${title}`, () => expect(counted(...days)).toEqual(result === null ? null : expect.closeTo(result)))

const copy = (days: number, name = 'ab'.repeat(32), path = '/a') => ({ at: new Date(T - days * DAY).toISOString(), name, path })

test('a list of copies is read as it was written, whatever the path', () => {
  const copies = [copy(1), copy(2, 'cd'.repeat(32), '/with "quotes"\nand lines')]
  expect(listedCopies(copies.map(listedLine).join(''))).toEqual(copies)
})

test('a copy leaves the list when it was made before the oldest that stays, and the same content counts from when it was last kept', () => {
  const text = relisted('', [copy(100), copy(95, 'cd'.repeat(32)), copy(5)], -Infinity)
  expect(listedCopies(text)).toEqual([copy(5), copy(95, 'cd'.repeat(32))])
  expect(listedCopies(relisted(text, [], T - 90 * DAY))).toEqual([copy(5)])
  expect(relisted(text, [copy(100)], -Infinity)).toBe(text)
})

test('a line that is none of ours, and one whose date cannot be read, stay on the list', () => {
  const text = `a remark\nnever  ${'ab'.repeat(32)}  "/a"\n`
  expect(relisted(text, [], T)).toBe(text)
})

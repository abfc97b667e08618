import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { GitopsError, printable, sentence } from '../../lib/model/errors.ts'
import { exitCode, outcomeOf, worst, type OutcomeKind } from '../../lib/model/outcome.ts'
import { duration, span } from '../../lib/model/schedule.ts'
import { isExecutable, withExecutable } from '../../lib/model/tree.ts'

test.for([
  ['90s', 90_000],
  ['5m', 300_000],
  ['1h', 3_600_000],
  ['2d', 172_800_000],
  ['250ms', 250],
  ['1.5s', 1500],
  ['60', 60_000],
  [' 10 s ', 10_000],
] as const)('the duration %j is %i ms', ([text, ms]) => {
  expect(duration(text)).toBe(ms)
})

test.for(['', '0', '0s', '-5s', '5 minutes', 's', '1e3', '5m30s', '99999d', 'NaN', 'Infinity'])('%j is no duration', (text) => {
  expect(() => duration(text)).toThrow(/is not a duration/)
})

test.for([
  [0, '0.0s'],
  [-5, '0.0s'],
  [432, '0.4s'],
  [12_000, '12s'],
  [180_000, '3m'],
  [18_000_000, '5h'],
  [172_800_000, '2d'],
] as const)('%i ms are said as %s', ([ms, text]) => {
  expect(span(ms)).toBe(text)
})

test('the worst outcome of several decides, in a fixed order, and each has its exit code', () => {
  const order: readonly OutcomeKind[] = ['stuck', 'failed', 'rolled-back', 'refused', 'applied', 'in-sync']
  expect(order.map(exitCode)).toEqual([4, 1, 6, 5, 0, 0])
  expect(worst([])).toBe('in-sync')
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...order), { minLength: 1 }), (kinds) => {
      expect(order.indexOf(worst(kinds))).toBe(Math.min(...kinds.map((kind) => order.indexOf(kind))))
    }),
  )
})

test.for([
  ['unreachable', 1],
  ['no-such-ref', 1],
  ['io', 1],
  ['contested', 1],
  ['hostile', 5],
  ['conflict', 5],
  ['shrink', 5],
  ['invalid', 5],
  ['held', 5],
  ['check', 6],
  ['verify', 6],
  ['stuck', 4],
] as const)('an error of kind %s means exit %i', ([code, exit]) => {
  expect(exitCode(outcomeOf(code))).toBe(exit)
})

test('an error is one sentence and its mend, and cannot move a cursor or reorder text', () => {
  const error = new GitopsError('io', 'a\u001b[2Jb\u202e', { hint: 'Mend it.' })
  expect(sentence(error)).toBe('a\\u001b[2Jb\\u202e\nMend it.')
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // oxlint-disable-next-line no-control-regex -- those are what must be gone
      expect(printable(text)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/)
    }),
  )
})

test('executable bits follow the readable ones and nothing else moves', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0o777 }), (mode) => {
      expect(withExecutable(mode, false) & 0o111).toBe(0)
      expect(withExecutable(mode, true) & ~0o111).toBe(mode & ~0o111)
      expect(isExecutable(withExecutable(mode | 0o400, true))).toBe(true)
      expect(isExecutable(withExecutable(mode, false))).toBe(false)
    }),
  )
  expect(withExecutable(0o644, true)).toBe(0o755)
  expect(withExecutable(0o600, true)).toBe(0o700)
  expect(withExecutable(0o755, false)).toBe(0o644)
})

import * as v from 'valibot'
import { duration } from '../model/schedule.ts'
import { object } from './shape.ts'

/** A duration, as text. */
export const wait = v.pipe(
  v.string("must be a duration such as '30s'"),
  v.nonEmpty("must be a duration such as '30s'"),
  v.check(
    (value) => isDuration(value),
    (issue) => `${JSON.stringify(issue.input)} is not a duration such as '90s' or '5m'`,
  ),
)

/** A whole number from `least` to 100; `fault` says what is wrong with a smaller one. */
export const whole = (least: number, fault: string) =>
  v.pipe(
    v.number('must be a whole number'),
    v.integer('must be a whole number'),
    v.minValue(least, fault),
    v.maxValue(100, 'must be at most 100'),
  )

/** How often a revision that fails its smoke checks, while they pass without it, is tried again. */
export const retry = object({
  /** After so many failures it is held until its content or the config changes. Default 3. */
  attempts: v.optional(whole(1, 'must be at least 1')),
  /** How long it waits after each failure, a tenth more or less; the last one counts for all later ones. Default `['1m', '5m']`. */
  after: v.optional(v.pipe(v.array(wait, 'must be a list of durations'), v.minLength(1, 'must name one duration'))),
})

function isDuration(value: string): boolean {
  try {
    return duration(value) > 0
  } catch {
    return false
  }
}

import * as v from 'valibot'
import { duration } from '../model/schedule.ts'
import { object } from './shape.ts'

const AGE = "must be a duration such as '90d'"
const COUNT = 'must be a whole number from 1 on'

/** Which generations stay, a source. The last two states, and what was there before us, always do. */
export const history = object({
  /** How many of each kind at most: of states, and of what was healed or taken back. Default 20. */
  generations: v.optional(v.pipe(v.number(COUNT), v.integer(COUNT), v.minValue(1, COUNT))),
  /** How old they may be. Default `'90d'`. */
  age: v.optional(v.pipe(v.string(AGE), v.check(isAge, AGE))),
})

function isAge(text: string): boolean {
  try {
    return duration(text, Infinity) > 0
  } catch {
    return false
  }
}

import type { Remains } from '../lib/host/remove-state.ts'
import { readGenerations } from './history.ts'
import { copiesOf } from './kept-copy.ts'
import type { Run, Unit } from './run.ts'

/** What of our state stays when we leave: copies of what people wrote. With `purge` only of what leaving itself has just replaced. */
export function remainsOf(run: Run, units: readonly Unit[], purge: boolean): Remains {
  const now = new Set(units.map(({ generation }) => generation?.number))
  const all = readGenerations(run.host.store).filter(({ number }) => !purge || now.has(number))
  return { copies: all.flatMap(copiesOf), older: !purge }
}

import type { Remains } from '../lib/host/remove-state.ts'
import type { KeptCopy } from '../lib/model/state.ts'
import { readGenerations } from './history.ts'
import { nameOfCopy } from './kept-copy.ts'
import type { Run, Unit } from './run.ts'

/** What of our state stays when we leave: copies of what people wrote. With `purge` only of what leaving itself has just replaced. */
export function remainsOf(run: Run, units: readonly Unit[], purge: boolean): Remains {
  const now = new Set(units.map(({ generation }) => generation?.number))
  const all = readGenerations(run.host.store).filter(({ number }) => !purge || now.has(number))
  const lines = all.flatMap(({ at, kept }) => kept.map((each) => `${at}  ${nameOfCopy(each.copy)}  ${JSON.stringify(each.path)}\n`))
  const copies = new Set(all.flatMap(({ kept }) => kept.map(({ copy }: KeptCopy) => copy)))
  return { copies, list: lines.length === 0 ? null : lines.join(''), audit: !purge }
}

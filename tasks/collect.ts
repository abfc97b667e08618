import { namedCopies, sweepCopies } from '../lib/host/copies.ts'
import { ageClock, keptList, saveKeptList } from '../lib/host/kept-list.ts'
import { readOff } from '../lib/model/age-clock.ts'
import { expired } from '../lib/model/history.ts'
import { relisted } from '../lib/model/kept-list.ts'
import { readGenerations } from './history.ts'
import { copiesOf } from './kept-copy.ts'
import type { Run } from './run.ts'

/**
 * Removes generations that are too many or too old, and with them the copies that nothing else names. What a person wrote goes by its age
 * alone: its copy is on a list before its generation goes.
 */
export function collect({ config, host, inventory }: Run): void {
  const { store } = host
  const clock = ageClock(config.state)
  const read = readOff(clock.known, host.now().getTime())
  clock.save(read)
  const now = read.counted ?? -Infinity
  const open = (store.journal()?.open ?? []).map(({ generation }) => generation)
  const all = readGenerations(store)
  const going = new Set(expired(all, inventory, open, { ...config.history, now }))
  const before = keptList(config.state)
  const leaving = all.filter(({ number }) => going.has(number)).flatMap(copiesOf)
  const list = relisted(before, leaving, now - config.history.age)
  if (going.size === 0 && list === before) return
  saveKeptList(config.state, list)
  for (const number of going) store.dropGeneration(number)
  // A kill before this leaves copies that nobody names; they go the next time.
  sweepCopies(config.state, namedCopies(config.state))
}

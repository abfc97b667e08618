import { namedCopies, sweepCopies } from '../lib/host/copies.ts'
import { keptList } from '../lib/host/remove-state.ts'
import { expired } from '../lib/model/history.ts'
import { readGenerations } from './history.ts'
import { leftCopies } from './kept-list.ts'
import type { Run } from './run.ts'

/** Removes generations that are too many or too old, and with them the copies that nothing else names. */
export function collect({ config, host, inventory }: Run): void {
  const { store } = host
  const open = (store.journal()?.open ?? []).map(({ generation }) => generation)
  const going = expired(readGenerations(store), inventory, open, { ...config.history, now: host.now().getTime() })
  if (going.length === 0) return
  for (const number of going) store.dropGeneration(number)
  // A kill before this leaves copies that nobody names; they go the next time.
  sweepCopies(config.state, new Set([...namedCopies(config.state), ...leftCopies(host.kept, keptList(config.state))]))
}

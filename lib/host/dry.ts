import type { Config } from '../model/config.ts'
import { EMPTY_INVENTORY } from '../model/state.ts'
import type { Host } from './host.ts'
import { digestOf } from './hash.ts'
import { pull } from './pull.ts'

/**
 * The same host with every write left out: only fetched objects are new afterwards. A `foreign` state, one that another machine
 * wrote, counts as none: a run that may write sets it aside.
 */
export function dryHost(host: Host, config: Config, foreign: boolean): Host {
  const nothing = (): void => {}
  return {
    ...host,
    dry: true,
    store: {
      ...host.store,
      ...(foreign && { inventory: () => EMPTY_INVENTORY, journal: () => null }),
      saveInventory: nothing,
      saveStatus: nothing,
      saveJournal: nothing,
      closeJournal: nothing,
      saveGeneration: nothing,
      dropGeneration: nothing,
    },
    kept: { ...host.kept, keep: digestOf },
    pull: (source, options) => pull(config, source, { ...options, move: false }),
    transact: { stage: async () => {}, perform: async () => {}, undo: async () => ({ left: [] }) },
    attempt: async () => {},
  }
}

import type { Config } from '../model/config.ts'
import type { Digest } from '../model/path.ts'
import type { Host } from './host.ts'
import { digestOf } from './hash.ts'
import { hostKeyForReading } from './host-key.ts'
import { keptIn, type Kept } from './kept.ts'
import { pull } from './pull.ts'

/** The same host with every write left out: only fetched objects are new afterwards. */
export function dryHost(host: Host, config: Config): Host {
  const nothing = (): void => {}
  return {
    ...host,
    dry: true,
    store: {
      ...host.store,
      saveInventory: nothing,
      saveStatus: nothing,
      saveConditions: nothing,
      saveJournal: nothing,
      saveBehind: nothing,
      closeJournal: nothing,
      saveGeneration: nothing,
      dropGeneration: nothing,
      mend: nothing,
    },
    kept: inMemory(keptIn(config.state, () => hostKeyForReading(config.hostKey))),
    pull: (source, options) => pull(config, source, { ...options, move: false }),
    transact: {
      stage: async () => {},
      perform: async () => {},
      undo: async () => ({ left: [], kept: [], behind: [] }),
      sweep: async (behind) => ({ kept: [], behind }),
      discard: async () => {},
    },
    attempt: async () => {},
  }
}

/** What would be kept is known to this run alone: a plan of a secret is read again by whoever shows it. */
function inMemory(kept: Kept): Kept {
  const noted = new Map<Digest, Buffer>()
  return {
    ...kept,
    keep(bytes) {
      const digest = digestOf(bytes)
      noted.set(digest, bytes)
      return digest
    },
    keepSecret(bytes, path) {
      const digest = kept.fingerprint(bytes, path)
      noted.set(digest, bytes)
      return digest
    },
    read: (digest) => noted.get(digest) ?? kept.read(digest),
    has: (digest) => noted.has(digest) || kept.has(digest),
    opens: (digest) => noted.has(digest) || kept.opens(digest),
  }
}

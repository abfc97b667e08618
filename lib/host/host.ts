import { documentsWith, type Documents } from '../documents/documents.ts'
import type { Config, Source } from '../model/config.ts'
import type { MergeStrategy } from '../plugins/contract.ts'
import { attempt } from './shell.ts'
import { guardedStore } from './guarded-store.ts'
import { loadHostKey } from './host-key.ts'
import { keptIn, type Kept } from './kept.ts'
import { saveLastGood } from './last-good.ts'
import type { Machine } from './machine.ts'
import type { Pulled, PullOptions } from './fetch.ts'
import { pull } from './pull.ts'
import { storeIn, type Store } from './store.ts'
import type { perform, stage } from './transact.ts'
import type { discard, sweep, undo } from './undo.ts'

/** Everything outside that a run can change. Reading is not in here: it is the same for every run. */
export interface Host {
  readonly machine: Machine
  /** True when nothing outside is changed but fetched objects. */
  readonly dry: boolean
  readonly now: () => Date
  /** Throws `locked` when another run has taken over; asked before anything is written. */
  readonly ensure: () => void
  readonly store: Store
  readonly kept: Kept
  /** Reads and writes co-owned documents. */
  readonly documents: Documents
  readonly pull: (source: Source, options: Omit<PullOptions, 'move'>) => Promise<Pulled>
  readonly transact: {
    readonly stage: typeof stage
    readonly perform: typeof perform
    readonly undo: typeof undo
    readonly sweep: (...given: Parameters<typeof sweep>) => Promise<ReturnType<typeof sweep>>
    readonly discard: (...given: Parameters<typeof discard>) => Promise<void>
  }
  readonly attempt: typeof attempt
}

/** The real one. `damaged` hears of state files that could not be read; `ensure` is asked whether the run lock is still ours. */
export function realHost(config: Config, machine: Machine, damaged: (sentence: string) => void, ensure = (): void => {}): Host {
  const store = guardedStore(storeIn(config.state, damaged), ensure)
  const known = { name: () => store.inventory().hostKey, say: damaged }
  return {
    machine,
    dry: false,
    now: () => new Date(),
    ensure,
    store,
    kept: keptIn(config.state, () => loadHostKey(config.hostKey, known)),
    documents: documentsWith(config.strategies as readonly MergeStrategy[]),
    async pull(source, options) {
      ensure()
      // What a parent process has pulled is where it put it; moving twice could go on for ever.
      const pulled = await pull(config, source, { ...options, move: options.fetch })
      if (source.kind === 'self') saveLastGood(config, source, pulled.repository.gitDir)
      return pulled
    },
    // Loaded when there is something to write: most runs have nothing.
    transact: {
      async stage(...given) {
        // What takes it all back is here before anything is written.
        await import('./undo.ts')
        return (await import('./transact.ts')).stage(...given)
      },
      perform: async (...given) => (await import('./transact.ts')).perform(...given),
      undo: async (...given) => (await import('./undo.ts')).undo(...given),
      sweep: async (...given) => (await import('./undo.ts')).sweep(...given),
      discard: async (...given) => (await import('./undo.ts')).discard(...given),
    },
    attempt,
  }
}

import type { Store } from './store.ts'

/**
 * The same store for whoever holds the run lock: it writes nothing any more once `ensure` throws `locked`, for another run has taken over
 * and what is half done is that one's to undo.
 */
export function guardedStore(store: Store, ensure: () => void): Store {
  const guarded =
    <Given extends unknown[]>(write: (...given: Given) => void): ((...given: Given) => void) =>
    (...given) => {
      ensure()
      write(...given)
    }
  return {
    ...store,
    saveInventory: guarded((inventory) => store.saveInventory(inventory, ensure)),
    saveStatus: guarded((status, durable) => store.saveStatus(status, durable)),
    saveConditions: guarded((text) => store.saveConditions(text)),
    saveJournal: guarded((journal) => store.saveJournal(journal)),
    saveBehind: guarded((steps) => store.saveBehind(steps)),
    closeJournal: guarded(() => store.closeJournal()),
    saveGeneration: guarded((generation) => store.saveGeneration(generation)),
    dropGeneration: guarded((number) => store.dropGeneration(number)),
  }
}

import type { Store } from '../lib/host/store.ts'
import { isRestorable, liveOf } from '../lib/model/history.ts'
import type { Generation } from '../lib/model/state.ts'
import { nameOfCopy } from './kept-copy.ts'

/** What `history` tells of one generation. */
export interface HistoryRecord extends Pick<Generation, 'at' | 'author' | 'signer' | 'why' | 'ended' | 'reason'> {
  readonly generation: number
  /** `under-way`: a run is at it; `interrupted`: its run was killed, and the next one undoes it. */
  readonly outcome: Generation['outcome'] | 'under-way' | 'interrupted'
  readonly source: string
  /** The commit; null for what left the config. */
  readonly revision: Generation['commit']
  /** Whether its content is what is live now. */
  readonly live: boolean
  /** Whether `gitops rollback` can go back to it. */
  readonly restorable: boolean
  readonly targets: readonly string[]
  readonly created: number
  readonly updated: number
  readonly deleted: number
  /** What people wrote and it replaced, with the names that `gitops kept` takes. */
  readonly kept: readonly { readonly path: string; readonly name: string }[]
}

/** Which generations are asked for; null for any. */
export interface HistoryFilter {
  readonly source: string | null
  readonly target: string | null
}

/** Every generation that is readable, oldest first. */
export function readGenerations(store: Store): Generation[] {
  return store.generations().flatMap((number) => store.generation(number) ?? [])
}

/** The generations that are kept, newest first; with `busy`, what is not committed is a run's that is under way, and not a killed one's. */
export function historyOf(store: Store, { source, target }: HistoryFilter, busy: boolean): HistoryRecord[] {
  const { generation: committed } = store.inventory()
  const open = new Set(store.journal()?.open.map(({ generation }) => generation))
  const all = readGenerations(store)
  const live = new Set([...new Set(all.map(({ unit }) => unit))].map((unit) => liveOf(all, committed, unit)?.number))
  const restorable = new Set(all.filter((one) => isRestorable(all, committed, one)).map(({ number }) => number))
  return all
    .filter(({ number, outcome }) => outcome !== 'applied' || number <= committed || open.has(number))
    .filter(({ unit, wrote }) => (source ?? unit) === unit && (target === null || wrote.targets.includes(target)))
    .toReversed()
    .map(({ number, unit, commit, at, author, signer, why, outcome, ended, reason, wrote, kept }) => ({
      generation: number,
      source: unit,
      revision: commit,
      live: live.has(number),
      restorable: restorable.has(number),
      at,
      author,
      signer,
      why,
      outcome: outcome === 'applied' && number > committed ? (busy ? 'under-way' : 'interrupted') : outcome,
      ended,
      reason,
      targets: wrote.targets,
      created: wrote.created,
      updated: wrote.updated,
      deleted: wrote.deleted,
      kept: kept.map(({ path, copy }) => ({ path, name: nameOfCopy(copy) })),
    }))
}

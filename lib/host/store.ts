import { existsSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Contested } from '../model/contested.ts'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { EMPTY_INVENTORY, type Generation, type Inventory, type SourceStatus } from '../model/state.ts'
import { decode, decodeGeneration, decodeInventory, encode, encodeGeneration, encodeInventory } from './codec.ts'
import { readOwn } from './read.ts'
import { writeAtomic } from './write.ts'

/** Generations that were begun and not yet committed; `undo` marks one that a person takes back. */
interface Journal {
  readonly open: readonly { readonly generation: number; readonly undo: boolean }[]
}

/** What is known of past attempts, a source at a time, and of the last run. */
export interface Status {
  readonly sources: Readonly<Record<string, SourceStatus>>
  readonly lastRun: { readonly at: string; readonly outcome: string; readonly message: string } | null
  /** Why the config on disk cannot be used, while an older one still pulls. */
  readonly configBroken: string | null
  /** Live paths that were put back in the last runs, each of them. */
  readonly contested: Readonly<Record<string, Contested>>
}

const EMPTY_STATUS: Status = { sources: {}, lastRun: null, configBroken: null, contested: {} }

/** Our own files below a state directory. Every write is atomic; the inventory's is the commit of an apply. */
export interface Store {
  readonly directory: AbsPath
  inventory(): Inventory
  saveInventory(inventory: Inventory): void
  status(): Status
  saveStatus(status: Status, durable: boolean): void
  journal(): Journal | null
  saveJournal(journal: Journal): void
  closeJournal(): void
  generation(number: number): Generation | null
  saveGeneration(generation: Generation): void
  dropGeneration(number: number): void
  /** Every generation, oldest first. */
  generations(): readonly number[]
}

/** The store in a state directory. A file that does not read is set aside under a name that says so, and counts as empty. */
export function storeIn(directory: AbsPath, damaged: (sentence: string) => void): Store {
  const at = (name: string): string => join(directory, name)
  const read = <T>(name: string, how: (text: string) => T, none: T): T => {
    const path = at(name)
    if (!existsSync(path)) return none
    try {
      return how(readOwn(path).toString())
    } catch (error) {
      if (error instanceof GitopsError) throw error
      damaged(`${path} is damaged and counts as empty (${(error as Error).message})`)
      return none
    }
  }
  const generationName = (number: number): string => `generations/${number}.json`
  return {
    directory,
    inventory: () => read('inventory.json', decodeInventory, EMPTY_INVENTORY),
    saveInventory(inventory) {
      setAsideIfDamaged(at('inventory.json'), decodeInventory)
      writeAtomic(at('inventory.json'), encodeInventory(inventory))
    },
    status: () => read('status.json', statusIn, EMPTY_STATUS),
    saveStatus: (status, durable) => writeAtomic(at('status.json'), encode(status), durable),
    journal: () => journalIn(at('journal.json')),
    saveJournal: (journal) => writeAtomic(at('journal.json'), encode(journal)),
    closeJournal: () => rmSync(at('journal.json'), { force: true }),
    generation(number) {
      const found = read<Generation | null>(generationName(number), decodeGeneration, null)
      return found?.number === number ? found : null
    },
    saveGeneration: (generation) => writeAtomic(at(generationName(generation.number)), encodeGeneration(generation)),
    dropGeneration: (number) => rmSync(at(generationName(number)), { force: true }),
    generations() {
      if (!existsSync(at('generations'))) return []
      return readdirSync(at('generations'))
        .flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? [])
        .map(Number)
        .toSorted((a, b) => a - b)
    },
  }
}

/** A journal is the only thing that says what is half done, so one that does not read is never passed over. Throws `stuck`. */
function journalIn(path: string): Journal | null {
  if (!existsSync(path)) return null
  const text = readOwn(path).toString()
  try {
    const journal = decode<Journal>('journal', text)
    if (journal.open.every(({ generation, undo }) => Number.isInteger(generation) && typeof undo === 'boolean')) return journal
  } catch (error) {
    if (error instanceof GitopsError) throw error
  }
  throw new GitopsError('stuck', `${path} is damaged, so nobody can tell what a killed run left half done`, {
    hint: `The newest file in ${dirname(path)}/generations says what was being written: look at those paths, then remove the journal.`,
  })
}

/** A status of the shape that ours has; one with parts missing has those of an empty one. */
function statusIn(text: string): Status {
  const status = { ...EMPTY_STATUS, ...decode<Partial<Status>>('status', text) }
  if (typeof status.sources !== 'object' || status.sources === null) throw new Error('its sources are no object')
  return status
}

/** Nothing that we cannot read is ever overwritten. */
function setAsideIfDamaged(path: string, how: (text: string) => unknown): void {
  if (!existsSync(path)) return
  try {
    how(readFileSync(path, 'utf8'))
  } catch {
    renameSync(path, `${path}.damaged-${Date.now()}`)
  }
}

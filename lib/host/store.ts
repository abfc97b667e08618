import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Contested } from '../model/contested.ts'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { restored, stored } from '../model/refusal.ts'
import { EMPTY_INVENTORY, EMPTY_SOURCE, type Generation, type Inventory, type SourceStatus } from '../model/state.ts'
import type { Step } from '../model/steps.ts'
import { decode, decodeGeneration, decodeInventory, encode, encodeGeneration, encodeInventory } from './codec.ts'
import { readOwn } from './read.ts'
import { stateFile, type StateFile } from './state-file.ts'
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

const CONDITIONS = 'conditions.json'

const EMPTY_STATUS: Status = { sources: {}, lastRun: null, configBroken: null, contested: {} }

/** Our own files below a state directory. Every write is atomic; the inventory's is the commit of an apply. */
export interface Store {
  readonly directory: AbsPath
  inventory(): Inventory
  /** `last` is asked just before it counts. */
  saveInventory(inventory: Inventory, last?: () => void): void
  status(): Status
  saveStatus(status: Status, durable: boolean): void
  /** Writes the file that other tools read. */
  saveConditions(text: string): void
  /** That file's text, or an empty one. */
  conditions(): string
  journal(): Journal | null
  saveJournal(journal: Journal): void
  closeJournal(): void
  /** Steps that were undone while their directories could not be reached: temporary files may lie in them. */
  behind(): readonly Step[]
  saveBehind(steps: readonly Step[]): void
  generation(number: number): Generation | null
  saveGeneration(generation: Generation): void
  dropGeneration(number: number): void
  /** Every generation, oldest first. */
  generations(): readonly number[]
  /** Writes anew what was found damaged and is known from its copy; what was damaged is set aside. Under the lock only. */
  mend(): void
}

/**
 * The store in a state directory. `damaged` hears of each file that does not read: its copy counts in its place, or it counts as empty.
 * Reading changes nothing on the disk.
 */
export function storeIn(directory: AbsPath, damaged: (sentence: string) => void): Store {
  const inventory = stateFile(directory, 'inventory.json', { encode: encodeInventory, decode: decodeInventory }, damaged)
  const status = stateFile<Status>(directory, 'status.json', { encode: statusText, decode: statusIn }, damaged)
  const journal = stateFile<Journal>(directory, 'journal.json', { encode, decode: journalIn }, damaged)
  const behind = stateFile<{ readonly steps: readonly Step[] }>(directory, 'behind.json', { encode, decode: behindIn }, damaged)
  const numbered = new Map<number, StateFile<Generation>>()
  const generation = (number: number): StateFile<Generation> => {
    const codec = { encode: encodeGeneration, decode: (text: string) => generationIn(text, number) }
    const known = numbered.get(number) ?? stateFile(directory, `generations/${number}.json`, codec, damaged)
    numbered.set(number, known)
    return known
  }
  const generations = (): readonly number[] => numbersIn(join(directory, 'generations'))
  const begun = (): readonly number[] =>
    generations().filter((number) => (generation(number).read().value?.outcome ?? 'applied') === 'applied')
  return {
    directory,
    inventory: () => inventory.read().value ?? EMPTY_INVENTORY,
    saveInventory: (next, last) => inventory.write(next, true, last),
    status: () => status.read().value ?? EMPTY_STATUS,
    saveStatus: (next, durable) => status.write(next, durable),
    saveConditions: (text) => writeAtomic(join(directory, CONDITIONS), text, false),
    conditions: () => (existsSync(join(directory, CONDITIONS)) ? readOwn(join(directory, CONDITIONS)).toString() : ''),
    journal() {
      const { value, lost } = journal.read()
      return lost ? halfDone(directory, inventory, begun()) : value
    },
    saveJournal: (next) => journal.write(next),
    closeJournal: () => journal.remove(),
    behind: () => behind.read().value?.steps ?? [],
    saveBehind: (steps) => (steps.length === 0 ? behind.remove() : behind.write({ steps })),
    generation: (number) => generation(number).read().value,
    saveGeneration: (next) => generation(next.number).write(next),
    dropGeneration: (number) => generation(number).remove(),
    generations,
    mend() {
      for (const file of [inventory, status, journal, ...numbered.values()]) file.mend()
      const { lost } = journal.read()
      const open = lost ? halfDone(directory, inventory, begun()) : null
      if (open !== null) journal.write(open)
      else if (lost) journal.remove()
    },
  }
}

function numbersIn(directory: string): readonly number[] {
  if (!existsSync(directory)) return []
  return readdirSync(directory)
    .flatMap((name) => /^(\d+)\.json$/.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b)
}

/**
 * What a journal that is lost said, from what else is known: generations behind the last committed one were begun, or are undone already,
 * and undoing them once more does no harm. A rollback by hand that was under way is not known, so that what it took back is healed.
 * Throws `stuck` when the inventory is lost as well: then any generation may be the live one.
 */
function halfDone(directory: AbsPath, inventory: StateFile<Inventory>, generations: readonly number[]): Journal | null {
  const { value, lost } = inventory.read()
  if (lost && generations.length > 0) {
    throw new GitopsError('stuck', `${directory}/journal.json and inventory.json are both damaged, so nobody can tell what is half done`, {
      hint: `The newest file in ${directory}/generations says what was being written: look at those paths, then remove the journal.`,
    })
  }
  const open = generations.filter((number) => number > (value?.generation ?? 0)).map((number) => ({ generation: number, undo: false }))
  return open.length === 0 ? null : { open }
}

function behindIn(text: string): { readonly steps: readonly Step[] } {
  const { steps } = decode<{ readonly steps: readonly Step[] }>('behind', text)
  if (Array.isArray(steps)) return { steps }
  throw new Error('it names no steps')
}

function journalIn(text: string): Journal {
  const journal = decode<Journal>('journal', text)
  if (journal.open.every(({ generation, undo }) => Number.isInteger(generation) && typeof undo === 'boolean')) return journal
  throw new Error('it names no generations')
}

function generationIn(text: string, number: number): Generation {
  const generation = decodeGeneration(text)
  if (generation.number !== number) throw new Error(`it is generation ${generation.number}`)
  return generation
}

function statusText({ sources, ...rest }: Status): string {
  const written = Object.entries(sources).map(([name, source]) => [name, { ...source, refused: source.refused.map(stored) }])
  return encode({ sources: Object.fromEntries(written) as object, ...rest })
}

/** A status of the shape that ours has; one with other parts missing has those of an empty one. */
function statusIn(text: string): Status {
  const { sources, ...rest } = decode<
    Partial<Omit<Status, 'sources'>> & { readonly sources?: Readonly<Record<string, Partial<SourceStatus>>> }
  >('status', text)
  if (typeof sources !== 'object' || sources === null) throw new Error('it has no sources')
  const whole = Object.entries(sources).map(([name, source]) => [
    name,
    { ...EMPTY_SOURCE, ...source, refused: (source.refused ?? []).map(restored) },
  ])
  return { ...EMPTY_STATUS, ...rest, sources: Object.fromEntries(whole) as Status['sources'] }
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { AgeClock } from '../model/age-clock.ts'
import type { AbsPath } from '../model/path.ts'
import { decode, encode } from './codec.ts'
import { readOwn } from './read.ts'
import { stateFile } from './state-file.ts'
import { removeOwn, writeAtomic } from './write.ts'

/** Names each copy of what a person wrote whose generation is gone. */
export const LIST = 'kept.txt'

/** The text of that list; empty where there is none. Throws `io` where it cannot be read. */
export function keptList(state: AbsPath): string {
  const path = join(state, LIST)
  return existsSync(path) ? readOwn(path).toString() : ''
}

/** Replaces the list, durably: only then what it names may lose its other names. An empty one is removed. */
export function saveKeptList(state: AbsPath, text: string): void {
  if (text === '') removeOwn(join(state, LIST))
  else if (text !== keptList(state)) writeAtomic(join(state, LIST), text)
}

/** What runs have read off the clock, and how to remember it. One that is lost begins anew: nothing gets old by that. */
export function ageClock(state: AbsPath): { readonly known: AgeClock | null; save(clock: AgeClock): void } {
  const file = stateFile<AgeClock>(state, 'clock.json', { encode, decode: clockIn }, () => {})
  const known = file.read().value
  return {
    known,
    save(clock) {
      if (clock !== known) file.write(clock, false)
    },
  }
}

function clockIn(text: string): AgeClock {
  const { counted, seen } = decode<AgeClock>('clock', text)
  if (typeof seen === 'number' && (counted === null || typeof counted === 'number')) return { counted, seen }
  throw new Error('it tells no time')
}

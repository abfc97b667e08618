import { readFileSync, readdirSync, rmSync, rmdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { listedCopies } from '../model/kept-list.ts'
import type { AbsPath } from '../model/path.ts'
import { keptList } from './kept-list.ts'
import { COPIES } from './state-file.ts'

/** Where kept copies lie, and how a digest of one begins. */
const ROOMS = { kept: 'sha256:', sealed: 'hmac-sha256:' } as const

/**
 * Every digest that a state file names: of what is owned, of what was there before, and of all that undoing a generation needs; and what is
 * on the list of copies whose generation is gone.
 */
export function namedCopies(state: AbsPath): Set<string> {
  const named = new Set<string>()
  // A damaged file, or one that was set aside, may be mended by a person, and its copy counts meanwhile: what they name stays too.
  const homes = [state, ...names(state).flatMap((name) => (name.startsWith(COPIES) ? [join(state, name)] : []))]
  const directories = homes.flatMap((home) =>
    ['.', ...names(home).filter((name) => name.startsWith('generations'))].map((name) => join(home, name)),
  )
  for (const directory of directories)
    for (const entry of isDirectory(directory) ? readdirSync(directory, { withFileTypes: true }) : []) {
      if (!entry.isFile() || !entry.name.includes('.json')) continue
      for (const [digest] of readFileSync(join(directory, entry.name), 'utf8').matchAll(/(?:hmac-)?sha256:[0-9a-f]{64}/g)) named.add(digest)
    }
  for (const { name } of listedCopies(keptList(state)))
    for (const [room, prefix] of Object.entries(ROOMS))
      for (const rest of names(join(state, room, name.slice(0, 2))))
        if (rest.startsWith(name.slice(2))) named.add(`${prefix}${name.slice(0, 2)}${rest}`)
  return named
}

/** Removes the kept copies that are not among those. May be killed at any moment and run again. */
export function sweepCopies(state: AbsPath, named: ReadonlySet<string>): void {
  for (const [room, prefix] of Object.entries(ROOMS))
    for (const start of names(join(state, room))) {
      const directory = join(state, room, start)
      const all = names(directory)
      const going = all.filter((name) => /^[0-9a-f]{62}$/.test(name) && !named.has(`${prefix}${start}${name}`))
      for (const name of going) rmSync(join(directory, name), { force: true })
      if (going.length === all.length) rmdirIfEmpty(directory)
    }
}

/** Removes a directory; one that is not empty, or not there, stays as it is. */
export function rmdirIfEmpty(directory: string): void {
  try {
    rmdirSync(directory)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

function names(directory: string): string[] {
  return isDirectory(directory) ? readdirSync(directory) : []
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

import { existsSync, readFileSync, readdirSync, rmSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import type { AbsPath } from '../model/path.ts'
import { COPIES } from './state-file.ts'

/** Where kept copies lie, and how a digest of one begins. */
const ROOMS = { kept: 'sha256:', sealed: 'hmac-sha256:' } as const

/** Every digest that a state file names: of what is owned, of what was there before, and of all that undoing a generation needs. */
export function namedCopies(state: AbsPath): Set<string> {
  const named = new Set<string>()
  // A damaged file, or one that was set aside, may be mended by a person, and its copy counts meanwhile: what they name stays too.
  const homes = [state, join(state, COPIES)]
  const directories = homes.flatMap((home) =>
    ['.', ...names(home).filter((name) => name.startsWith('generations'))].map((name) => join(home, name)),
  )
  for (const directory of directories)
    for (const entry of existsSync(directory) ? readdirSync(directory, { withFileTypes: true }) : []) {
      if (!entry.isFile() || !entry.name.includes('.json')) continue
      for (const [digest] of readFileSync(join(directory, entry.name), 'utf8').matchAll(/(?:hmac-)?sha256:[0-9a-f]{64}/g)) named.add(digest)
    }
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
  return existsSync(directory) ? readdirSync(directory) : []
}

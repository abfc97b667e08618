import { createHash } from 'node:crypto'
import { lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Lane } from './world.ts'

/** A home without our state, and without what Git keeps beside a work tree: path to type, mode and content. */
export type Look = Readonly<Record<string, string>>

/** Every entry below a directory, as a path relative to it. */
export function entries(directory: string, path = ''): string[] {
  const stat = lstatSync(join(directory, path), { throwIfNoEntry: false })
  if (stat === undefined) return []
  if (!stat.isDirectory()) return [path]
  const inner = readdirSync(join(directory, path)).flatMap((name) => entries(directory, path === '' ? name : `${path}/${name}`))
  return path === '' ? inner : [path, ...inner]
}

/** How a lane's home looks now. */
export function look(lane: Lane): Look {
  return Object.fromEntries(
    entries(lane.home)
      .filter((path) => !/^(?:\.local|clone\/\.git)(?:\/|$)/.test(path))
      .map((path) => [path, describe(join(lane.home, path))]),
  )
}

function describe(path: string): string {
  const stat = lstatSync(path)
  const mode = (stat.mode & 0o7777).toString(8)
  if (stat.isSymbolicLink()) return `-> ${readlinkSync(path)}`
  if (stat.isDirectory()) return `directory ${mode}`
  const bytes = readFileSync(path)
  return `${mode} ${bytes.length > 200 ? createHash('sha256').update(bytes).digest('hex') : bytes.toString()}`
}

/** When files were last written, and what is in them. */
export function times(home: string, paths: readonly string[]): Look {
  return Object.fromEntries(
    paths.map((path) => {
      const stat = lstatSync(join(home, path), { bigint: true, throwIfNoEntry: false })
      return [path, stat === undefined ? 'gone' : `${stat.mtimeNs} ${describe(join(home, path))}`]
    }),
  )
}

/** What differs between two looks, a line a path. */
export function differences(now: Look, then: Look): string[] {
  return [...new Set([...Object.keys(now), ...Object.keys(then)])]
    .filter((path) => now[path] !== then[path])
    .map((path) => `${path}: ${now[path] ?? 'missing'} instead of ${then[path] ?? 'missing'}`)
}

import { readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../model/config.ts'
import { relisted, type ListedCopy } from '../model/kept-list.ts'
import { namedCopies, rmdirIfEmpty, sweepCopies } from './copies.ts'
import { keptList, LIST, saveKeptList } from './kept-list.ts'
import { forgetLastGood } from './last-good.ts'
import { COPIES } from './state-file.ts'

/** What stays of a state when gitops is taken away from a machine. */
export interface Remains {
  /** Copies of what people wrote, in this state. */
  readonly copies: readonly ListedCopy[]
  /** Whether also what was kept before stays: copies on the list, states that were set aside, the audit trail. */
  readonly older: boolean
}

/** What has stayed: whether copies are on the list, and the names of what was set aside. */
export interface Stayed {
  readonly copies: boolean
  readonly aside: readonly string[]
}

/** Removes our own files of a config, under its lock, but for what is to remain. Nothing may be owned any more. May be killed and run again. */
export function removeState({ state, file }: Pick<Config, 'state' | 'file'>, { copies, older }: Remains): Stayed {
  const list = relisted(older ? keptList(state) : '', copies, -Infinity)
  // Before anything goes that names a copy.
  saveKeptList(state, list)
  const stays = new Set(['lock', 'kept', 'sealed', LIST, ...(older ? ['audit.log'] : [])])
  const aside = clear(state, stays, older)
  const named = namedCopies(state)
  if (named.size > 0) sweepCopies(state, named)
  for (const room of ['kept', 'sealed'].map((name) => join(state, name))) {
    if (named.size === 0) rmSync(room, { recursive: true, force: true })
    else rmdirIfEmpty(room)
  }
  if (file !== null) forgetLastGood(file)
  return { copies: list !== '', aside }
}

/** What was set aside, since it was damaged or from another machine, is not known here: it may be all that tells of a person's files. */
const ASIDE = /\.(?:damaged|from)-/

/** Returns what was set aside, and stays. */
function clear(directory: string, stays: ReadonlySet<string>, keepAside: boolean): string[] {
  const aside: string[] = []
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const { name } = entry
    const path = join(directory, name)
    if (stays.has(name)) continue
    if (keepAside && ASIDE.test(name)) aside.push(path)
    else if (keepAside && entry.isDirectory() && ['generations', COPIES].includes(name)) {
      aside.push(...clear(path, new Set(), keepAside))
      rmdirIfEmpty(path)
    } else rmSync(path, { recursive: true, force: true })
  }
  return aside
}

/** Removes what is left once the lock is released: empty directories. */
export function removeEmptyState({ state }: Pick<Config, 'state'>): void {
  for (const directory of [join(state, 'lock'), state, dirname(state)]) rmdirIfEmpty(directory)
}

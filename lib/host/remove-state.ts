import { existsSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../model/config.ts'
import type { AbsPath, Digest } from '../model/path.ts'
import { rmdirIfEmpty, sweepCopies } from './copies.ts'
import { readOwn } from './read.ts'
import { forgetLastGood } from './last-good.ts'
import { writeAtomic } from './write.ts'

/** What stays of a state when gitops is taken away from a machine. */
export interface Remains {
  /** Copies of what people wrote. */
  readonly copies: ReadonlySet<Digest>
  /** A text that tells what they are, or null when there are none. */
  readonly list: string | null
  readonly audit: boolean
}

/** Removes our own files of a config, under its lock, but for what is to remain. Nothing may be owned any more. May be killed and run again. */
export function removeState({ state, file }: Pick<Config, 'state' | 'file'>, remains: Remains): void {
  // What an uninstall before this one has named stays: nothing else tells of it any more.
  const earlier = remains.audit ? keptList(state) : ''
  const list = [...new Set(`${earlier}${remains.list ?? ''}`.split(/(?<=\n)/))].join('')
  const stays = new Set([
    'lock',
    ...(remains.copies.size > 0 || earlier !== '' ? ['kept', 'sealed', LIST] : []),
    ...(remains.audit ? ['audit.log'] : []),
  ])
  if (list !== '') writeAtomic(join(state, LIST), list)
  for (const name of readdirSync(state)) if (!stays.has(name)) rmSync(join(state, name), { recursive: true, force: true })
  if (earlier === '') sweepCopies(state, remains.copies)
  for (const room of ['kept', 'sealed']) rmdirIfEmpty(join(state, room))
  if (file !== null) forgetLastGood(file)
}

/** That text, of an earlier uninstall; empty where there is none. */
export function keptList(state: AbsPath): string {
  const path = join(state, LIST)
  return existsSync(path) ? readOwn(path).toString() : ''
}

/** Removes what is left once the lock is released: empty directories. */
export function removeEmptyState({ state }: Pick<Config, 'state'>): void {
  for (const directory of [join(state, 'lock'), state, dirname(state)]) rmdirIfEmpty(directory)
}

/** Says of each copy that stays what it is. */
const LIST = 'kept.txt'

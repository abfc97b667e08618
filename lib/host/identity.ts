import { existsSync, readFileSync, readdirSync, realpathSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { isWithin, type AbsPath } from '../model/path.ts'
import { decode, decodeInventory, encode } from './codec.ts'
import type { Machine } from './machine.ts'
import { readOwn } from './read.ts'
import { writeAtomic } from './write.ts'

/** Whose state a directory holds. */
interface Identity {
  readonly config: string
  readonly uid: number
  readonly machine: string
}

/**
 * Makes the state directory this config's own. A state from another machine (a home on NFS, a cloned disk) is set aside:
 * what it owned is adopted again by content; with `dry` nothing is moved, and `foreign` says that it would be.
 * The note tells what was set aside or taken over.
 * Throws `config` when the directory belongs to another config that still exists, or to another user.
 */
export function claimState(config: Config, machine: Machine, dry: boolean): { note: string | null; foreign: boolean } {
  const me: Identity = { config: placeOf(config), uid: machine.uid, machine: machine.id }
  const before = identityIn(config.state)
  if (before !== null) refuseStranger(before, me, config)
  const foreign = before !== null && !sameMachine(before, me)
  if (dry || (before !== null && before.config === me.config && before.machine === me.machine)) return { note: null, foreign }
  const note = before === null ? null : takeOver(before, me, config.state)
  writeAtomic(join(config.state, 'identity.json'), encode(me))
  return { note, foreign: false }
}

function refuseStranger(before: Identity, me: Identity, config: Config): void {
  if (before.uid !== me.uid) {
    throw new GitopsError('config', `the state in ${config.state} belongs to user ${before.uid}, and this is user ${me.uid}`, {
      hint: 'Run as that user, or set another `name` or `home` in the config.',
    })
  }
  if (before.config !== me.config && existsSync(before.config) && sameMachine(before, me)) {
    throw new GitopsError('config', `the name ${JSON.stringify(config.name)} is taken by ${before.config}`, {
      hint: 'Give one of the two configs another `name`.',
    })
  }
}

function takeOver(before: Identity, me: Identity, state: AbsPath): string | null {
  if (sameMachine(before, me)) return before.config === me.config ? null : `the config moved here from ${before.config}`
  const aside = `.from-${before.machine.slice(0, 8)}-${Date.now()}`
  for (const name of ['inventory.json', 'journal.json', 'generations']) {
    if (existsSync(join(state, name))) renameSync(join(state, name), join(state, name + aside))
  }
  return 'the state here was written on another machine: it was set aside, and what it owned is adopted again by content'
}

/** Where there is no machine id, any machine counts as the same one. */
function sameMachine(a: Identity, b: Identity): boolean {
  return a.machine === '' || b.machine === '' || a.machine === b.machine
}

/** The live paths below `root` that another config of this user owns, each with that config's file. A config that is gone claims nothing. */
export function claimedByOthers(config: Config, root: AbsPath): Map<string, string> {
  const claimed = new Map<string, string>()
  const all = dirname(config.state)
  for (const name of existsSync(all) ? readdirSync(all) : []) {
    const state = join(all, name) as AbsPath
    if (state === config.state || !existsSync(join(state, 'inventory.json'))) continue
    const identity = identityIn(state)
    if (identity === null || !existsSync(identity.config) || identity.config === placeOf(config)) continue
    for (const path of ownedPaths(state)) if (isWithin(path, root)) claimed.set(path, identity.config)
  }
  return claimed
}

function ownedPaths(state: string): string[] {
  try {
    const { targets } = decodeInventory(readFileSync(join(state, 'inventory.json'), 'utf8'))
    return [...targets].flatMap(([root, target]) => [...target.entries.keys()].map((path) => `${root}/${path}`))
  } catch {
    return []
  }
}

function identityIn(state: AbsPath): Identity | null {
  const path = join(state, 'identity.json')
  if (!existsSync(path)) return null
  try {
    const { config, uid, machine } = decode<Partial<Identity>>('identity', readOwn(path).toString())
    return config === undefined || uid === undefined || machine === undefined ? null : { config, uid, machine }
  } catch (error) {
    if (error instanceof GitopsError) throw error
    return null
  }
}

function placeOf(config: Config): string {
  const place = config.file ?? config.directory
  return existsSync(place) ? realpathSync(place) : place
}

import { existsSync, readdirSync, realpathSync, renameSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { isWithin, type AbsPath } from '../model/path.ts'
import type { OwnedTarget } from '../model/state.ts'
import { decode, decodeInventory, encode, encodeInventory } from './codec.ts'
import type { Machine } from './machine.ts'
import { COPIES, stateFile, type StateFile } from './state-file.ts'

/** Whose state a directory holds. */
interface Identity {
  readonly config: string
  readonly uid: number
  readonly machine: string
}

/**
 * Makes the state directory this config's own. A state from another machine (a home on NFS, a cloned disk) is set aside:
 * what it owned is adopted again by content; with `dry` nothing is moved, and `foreign` says that it would be.
 * The notes tell what was damaged, set aside or taken over.
 * Throws `config` when the directory belongs to another config that still exists, or to another user.
 */
export function claimState(config: Config, machine: Machine, dry: boolean): { notes: readonly string[]; foreign: boolean } {
  const me: Identity = { config: placeOf(config), uid: machine.uid, machine: machine.id }
  const notes: string[] = []
  const identity = identityIn(config.state, (sentence) => notes.push(sentence))
  const before = identity.read().value
  if (before !== null) refuseStranger(before, me, config)
  const foreign = before !== null && !sameMachine(before, me)
  if (dry) return { notes, foreign }
  const known = before !== null && before.config === me.config && before.machine === me.machine
  if (known) identity.mend()
  else {
    const note = before === null ? null : takeOver(before, me, config.state)
    if (note !== null) notes.push(note)
    identity.write(me)
  }
  return { notes, foreign: known && foreign }
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
  for (const name of ['inventory.json', 'journal.json', 'generations', COPIES]) {
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
    if (state === config.state) continue
    const identity = identityIn(state).read().value
    if (identity === null || !existsSync(identity.config) || identity.config === placeOf(config)) continue
    for (const path of ownedPaths(state)) if (isWithin(path, root)) claimed.set(path, identity.config)
  }
  return claimed
}

function ownedPaths(state: string): string[] {
  try {
    const codec = { encode: encodeInventory, decode: decodeInventory }
    const targets = stateFile(state, 'inventory.json', codec, () => {}).read().value?.targets ?? new Map<AbsPath, OwnedTarget>()
    return [...targets].flatMap(([root, target]) => [...target.entries.keys()].map((path) => `${root}/${path}`))
  } catch {
    return []
  }
}

function identityIn(state: AbsPath, say: (sentence: string) => void = () => {}): StateFile<Identity> {
  const decoded = (text: string): Identity => {
    const { config, uid, machine } = decode<Partial<Identity>>('identity', text)
    if (config === undefined || uid === undefined || machine === undefined) throw new Error('parts of it are missing')
    return { config, uid, machine }
  }
  return stateFile(state, 'identity.json', { encode, decode: decoded }, say)
}

function placeOf(config: Config): string {
  const place = config.file ?? config.directory
  return existsSync(place) ? realpathSync(place) : place
}

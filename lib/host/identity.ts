import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { isWithin, type AbsPath } from '../model/path.ts'
import type { OwnedTarget } from '../model/state.ts'
import { decode, decodeInventory, encode, encodeInventory } from './codec.ts'
import type { Machine } from './machine.ts'
import { stateFile, type StateFile } from './state-file.ts'

/** Whose state a directory holds. */
interface Identity {
  readonly config: string
  readonly uid: number
  /** The machine that wrote it last. */
  readonly machine: string
  /** Others that have written it before, the latest last. */
  readonly others: readonly string[]
}

/** So many machines of one home are remembered: one that is forgotten is only told anew. */
const MOST = 50

/** What was found of whose a state directory is. */
export interface Claim {
  /** What was damaged. */
  readonly notes: readonly string[]
  /** Whether another machine wrote it last (a home on NFS or in a container, a cloned disk): then nothing in it is trusted before what is live is looked at. */
  readonly foreign: boolean
  /** Whether this machine has written it before that. */
  readonly met: boolean
  /** Makes it this config's and this machine's own, under the lock only, once what is not ours here is taken out of it. Returns what that changed, for people. */
  settle(): readonly string[]
}

/**
 * Looks whose a state directory is. Writes nothing.
 * Throws `config` when the directory belongs to another config that still exists, or to another user.
 */
export function claimState(config: Config, machine: Machine): Claim {
  const me = { config: placeOf(config), uid: machine.uid, machine: machine.id }
  const notes: string[] = []
  const identity = identityIn(config.state, (sentence) => notes.push(sentence))
  const before = identity.read().value
  if (before !== null) refuseStranger(before, me, config)
  const foreign = before !== null && !sameMachine(before, me)
  const others = [...new Set([...(before?.others ?? []), before?.machine ?? ''])].filter((id) => id !== '' && id !== me.machine)
  return {
    notes,
    foreign,
    met: before?.others.includes(me.machine) ?? false,
    settle() {
      const moved = before !== null && !foreign && before.config !== me.config
      if (before !== null && before.config === me.config && before.machine === me.machine) identity.mend()
      else identity.write({ ...me, others: others.slice(-MOST) })
      return moved ? [`the config moved here from ${before.config}`] : []
    },
  }
}

function refuseStranger(before: Identity, me: Omit<Identity, 'others'>, config: Config): void {
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

/** Where there is no machine id, any machine counts as the same one. */
function sameMachine(a: Pick<Identity, 'machine'>, b: Pick<Identity, 'machine'>): boolean {
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
    const { config, uid, machine, others = [] } = decode<Partial<Identity>>('identity', text)
    if (config === undefined || uid === undefined || machine === undefined) throw new Error('parts of it are missing')
    return { config, uid, machine, others }
  }
  return stateFile(state, 'identity.json', { encode, decode: decoded }, say)
}

function placeOf(config: Config): string {
  const place = config.file ?? config.directory
  return existsSync(place) ? realpathSync(place) : place
}

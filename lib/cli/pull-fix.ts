import { existsSync } from 'node:fs'
import { readLastGood, type LastGood } from '../host/last-good.ts'
import { machine } from '../host/machine.ts'
import { pull } from '../host/pull.ts'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { again } from './handover.ts'
import { tell } from './messages.ts'

/**
 * The config on disk does not load, or is gone from where it was: the last one that did keeps pulling, so that the fix can arrive. When the pull brings
 * something, the same command runs again with it and its exit code is returned; otherwise the error is thrown.
 */
export async function pullFix(places: readonly AbsPath[], error: GitopsError, signal: AbortSignal): Promise<number> {
  const known = lastGood(places)
  if (known === null) throw error
  let moved: boolean
  try {
    ;({ moved } = await pull(known.config, known.source, { fetch: true, move: true, signal }))
  } catch (cause) {
    throw new GitopsError('config', `${error.message}\nA fix could not be pulled either: ${(cause as Error).message}`, { cause })
  }
  if (moved) return again(null, signal)
  known.remember(error.message)
  throw error
}

/** What the last config that loaded, at the nearest of some places, has left; or null. */
export function lastGood(places: readonly AbsPath[]): LastGood | null {
  const here = machine()
  // The nearest file that is there is the config; one further up is another one.
  const reach = places.findIndex((place) => existsSync(place))
  const near = reach < 0 ? places : places.slice(0, reach + 1)
  return near.map((file) => readLastGood(file, here, tell)).find((each) => each !== null) ?? null
}

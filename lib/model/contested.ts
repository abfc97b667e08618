import type { AbsPath } from './path.ts'

/** A path that was put back in this many runs in a row, and from when on it is put back again. */
export interface Contested {
  readonly times: number
  /** ISO 8601. */
  readonly next: string
}

/** So many runs in a row are a coincidence, or a person at work. */
const PATIENCE = 3
const MINUTE = 60_000
const LONGEST = 60 * MINUTE
/** More paths than that are not remembered. */
const MOST = 500

/** What is known of a path once it was put back at `now`, in milliseconds: from the third time in a row on it rests a minute, then twice as long each time, up to an hour. */
function putBack(known: Contested | undefined, now: number): Contested {
  const times = (known?.times ?? 0) + 1
  const rest = times < PATIENCE ? 0 : Math.min(LONGEST, MINUTE * 2 ** (times - PATIENCE))
  return { times, next: new Date(now + rest).toISOString() }
}

/** Whether a path is not to be put back yet at `now`, in milliseconds. A clock that was set back makes nothing wait for longer than an hour. */
export function rests({ times, next }: Contested, now: number): boolean {
  const left = Date.parse(next) - now
  return times >= PATIENCE && left > 0 && left <= LONGEST
}

/** What is known after a run: what it looked at and found as it should be is forgotten. */
export function contestedAfter(
  known: Readonly<Record<string, Contested>>,
  {
    healed,
    waiting,
    seen,
  }: { readonly healed: readonly AbsPath[]; readonly waiting: readonly AbsPath[]; readonly seen: (path: AbsPath) => boolean },
  now: number,
): Readonly<Record<string, Contested>> {
  const stays = new Set<string>(waiting)
  const kept = Object.entries(known).filter(([path]) => stays.has(path) || !seen(path as AbsPath))
  const next = [...kept, ...healed.map((path) => [path, putBack(known[path], now)] as const)]
  return Object.fromEntries(next.slice(-MOST))
}

import type { Sha } from './path.ts'

/** Why a revision is refused: its checks failed, its runs were killed, or a person took it back. */
export type RefusalClass = 'health' | 'killed' | 'by-hand'

/** A revision that did not go well here. It is known by what it asks for, whichever commit brings that. */
export interface Refusal {
  /** Digest of everything that was desired. */
  readonly desired: string
  /** The commit that asked for it when it was last tried. */
  readonly commit: Sha
  readonly attempts: number
  /** When it failed first and last. */
  readonly first: string
  readonly last: string
  /** Not tried again before this; null while it is held. */
  readonly next: string | null
  readonly reason: string
  readonly class: RefusalClass
  /** True when only other content, another config or `gitops retry` tries it again. */
  readonly held: boolean
}

/** How often a revision that fails its checks is tried, and the milliseconds between; the last of them counts for every later pause. */
export interface Retries {
  readonly attempts: number
  readonly after: readonly number[]
}

/** A failure of what was desired. */
export interface Failure extends Pick<Refusal, 'desired' | 'commit' | 'reason' | 'class'> {
  readonly at: Date
  /** From 0 to 1: machines that fail together do not try again together. */
  readonly jitter: number
  /** Held at once, whatever the number of attempts. */
  readonly hold: boolean
}

/** So many failures are remembered: what is forgotten is only tried again. */
const MOST_FAILURES = 20
/** So many that a person took back: what is forgotten would come again though nobody wants it. */
const MOST_BY_HAND = 1000

/** What is remembered after one more failure. Whatever was held stays held. */
export function withFailure(known: readonly Refusal[], failure: Failure, { attempts: most, after }: Retries): readonly Refusal[] {
  const { desired, commit, reason, at, jitter } = failure
  const before = known.find((refusal) => refusal.desired === desired)
  const attempts = (before?.attempts ?? 0) + 1
  const held = failure.hold || before?.held === true || attempts >= most
  const pause = (after[Math.min(attempts, after.length) - 1] ?? 0) * (0.9 + 0.2 * jitter)
  const last = at.toISOString()
  const next = held ? null : new Date(at.getTime() + pause).toISOString()
  const refusal = { desired, commit, attempts, first: before?.first ?? last, last, next, reason, class: failure.class, held }
  return bounded([...without(known, desired), refusal])
}

/** Without those that are too many of their kind, the oldest. What was added last stays, whatever the clock said. */
function bounded(known: readonly Refusal[]): readonly Refusal[] {
  const oldest = (byHand: boolean, most: number): readonly Refusal[] => {
    const all = known.filter((refusal) => (refusal.class === 'by-hand') === byHand)
    const going = Math.max(0, all.length - most)
    return going === 0
      ? []
      : all
          .filter((refusal) => refusal !== known.at(-1))
          .toSorted(byDate)
          .slice(0, going)
  }
  const dropped = new Set([...oldest(true, MOST_BY_HAND), ...oldest(false, MOST_FAILURES)])
  return dropped.size === 0 ? known : known.filter((refusal) => !dropped.has(refusal))
}

function byDate(a: Refusal, b: Refusal): number {
  return a.last < b.last ? -1 : Number(a.last > b.last)
}

/** What is said of what was taken back by `gitops rollback`. */
export const TAKEN_BACK = 'rolled back by hand'

/** What of a refusal is written down: of one by hand, of which there may be many, no more than it takes to know it again. */
export function stored(refusal: Refusal): Partial<Refusal> {
  if (refusal.class !== 'by-hand') return refusal
  const { desired, commit, last, reason } = refusal
  return { desired, commit, last, class: 'by-hand', ...(reason !== TAKEN_BACK && { reason }) }
}

/** The refusal that was written down. */
export function restored(written: Partial<Refusal>): Refusal {
  const { last = '' } = written
  const byHand = { attempts: 1, first: last, next: null, reason: TAKEN_BACK, held: true }
  return (written.class === 'by-hand' ? { ...byHand, ...written } : written) as Refusal
}

/** What is remembered once this went well. The very same list when it was not in it. */
export function without(known: readonly Refusal[], desired: string): readonly Refusal[] {
  return known.some((refusal) => refusal.desired === desired) ? known.filter((refusal) => refusal.desired !== desired) : known
}

/** Whether a revision is not tried at `now`, in milliseconds. A clock that was put back makes nothing wait longer. */
export function isRefused({ held, last, next }: Refusal, now: number): boolean {
  return held || (next !== null && now < Date.parse(next) && now >= Date.parse(last))
}

/** Runs that were killed in a row while they applied the same. */
export interface Killed {
  readonly desired: string
  readonly times: number
}

/** So many killed runs in a row are one failure. */
export const KILLS = 3

/** One more killed run. */
export function killedAgain(known: Killed | null, desired: string): Killed {
  return { desired, times: known?.desired === desired ? known.times + 1 : 1 }
}

import type { RelPath } from './path.ts'
import type { DriftKind } from './plan.ts'

/** What becomes of an entry of ours that somebody else has changed: it is put back, it stays, or the revision is refused. */
export type OnDrift = 'heal' | 'keep' | 'refuse'

/**
 * What becomes of an entry that was there before us and differs. `careful` replaces it, but refuses a document that has keys which ours lacks;
 * `replace` replaces every one; `refuse` refuses every one; `leave` leaves it as it is, and it is not ours. What is replaced is kept as a copy.
 */
export type Adopt = 'careful' | 'replace' | 'refuse' | 'leave'

/** Why a live entry stays as it is, though the source wants another: `onDrift`, `adopt`, or something else rewrites it each time. */
export type Stays = 'keep' | 'leave' | 'wait'

/** Who has the last word about a path that somebody else has changed. */
export interface Policy {
  readonly onDrift: (path: RelPath) => OnDrift
  readonly adopt: (path: RelPath) => Adopt
  /** Whether the config takes this path no more: what we wrote there stays, and is no longer ours. */
  readonly letsGo: (path: RelPath) => boolean
  /** Whether this path is not put back for now, because something else rewrites it each time. */
  readonly rests: (path: RelPath) => boolean
}

/** Everything is put back. */
export const HEALING: Policy = { onDrift: () => 'heal', adopt: () => 'replace', letsGo: () => false, rests: () => false }

/** Why drift is refused. */
export function refused(drift: DriftKind): string {
  const what = { edited: 'was edited', missing: 'was deleted', mode: 'has other permissions', type: 'was replaced by something else' }[
    drift
  ]
  return `${what} since it was applied, and its onDrift is 'refuse'; \`gitops capture\` takes it into the source, \`gitops reconcile --heal\` puts ours back and keeps a copy`
}

/** Why what was there before us is refused. */
export const THERE_ALREADY = "is there already and differs, and its adopt is 'refuse'; move it away, take it into the source, or exclude it"

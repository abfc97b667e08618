import type { DriftKind } from './plan.ts'
import { matches, type Owned, type Present, type Wanted } from './tree.ts'

/** How a live entry differs from what we wrote last; null when it does not. */
export function driftOf(live: Present | undefined, own: Owned): DriftKind | null {
  if (live === undefined) return 'missing'
  if (matches(live, own)) return null
  if ((live.kind !== 'file' && live.kind !== 'link') || live.kind !== own.kind) return 'type'
  return live.digest === own.digest ? 'mode' : 'edited'
}

/** Whether the source asks for what we wrote last. */
export function sameOwned(own: Owned, want: Wanted): boolean {
  return own.kind === want.kind && own.digest === want.digest && own.executable === want.executable && own.mode === want.mode
}

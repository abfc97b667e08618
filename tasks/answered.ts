import { refused, type OnDrift } from '../lib/model/policy.ts'
import type { Wanted } from '../lib/model/tree.ts'
import type { CoOwned, Known } from './co-owned.ts'

/**
 * Where somebody has changed keys of ours, the config says who has the last word: they stay, all that the source asks for in this document
 * with them, or are refused. What something keeps rewriting rests, until the source asks for something else.
 */
export function answered(decided: CoOwned, known: Known | null, after: Wanted, onDrift: OnDrift, rests: () => boolean): CoOwned {
  const { change } = decided
  if (known === null || change?.kind !== 'edit' || change.drift === null || change.drift === 'mode') return decided
  const { drift, path, keys } = change
  const news = known.digest !== after.digest
  if (onDrift === 'refuse') {
    const named = keys.length === 0 ? '' : `; it is about ${keys.join(', ')}`
    return { ...decided, change: { kind: 'conflict', path, reason: refused(drift) + named, drift, keys } }
  }
  const why = onDrift === 'keep' ? 'keep' : !news && rests() ? 'wait' : null
  if (why === null) return decided
  return {
    change: { kind: 'stay', path, why, drift, after, news, keys },
    keys: { ...decided.keys, prior: known.prior, made: known.made, mode: known.mode },
  }
}

import { refused } from '../lib/model/policy.ts'
import type { Wanted } from '../lib/model/tree.ts'
import type { CoOwned, Document, Known } from './co-owned.ts'

/**
 * Where somebody has changed keys of ours, the config says who has the last word: those keys stay, and all else that the source asks for
 * is written; they are put back; or the document is refused. What something keeps rewriting rests, until the source asks for something else.
 */
export function answered(
  decided: CoOwned,
  { name: path, onDrift }: Pick<Document, 'name' | 'onDrift'>,
  known: Known | null,
  after: Wanted,
  rests: () => boolean,
): CoOwned {
  const { change } = decided
  if (known === null) return decided
  const news = known.digest !== after.digest
  if (change === null) return { ...decided, change: staying(decided, path, after) }
  if (change.kind !== 'edit' || change.drift === null || change.drift === 'mode') return decided
  const { drift, keys } = change
  const gone = drift === 'missing'
  const denied = decided.refused ?? []
  if (denied.length > 0 || (gone && onDrift === 'refuse')) {
    const named = denied.length === 0 ? '' : `; it is about ${denied.join(', ')}`
    return { ...decided, change: { kind: 'conflict', path, reason: refused(drift) + named, drift, keys: denied } }
  }
  const why = gone && onDrift === 'keep' ? 'keep' : !news && rests() ? 'wait' : null
  if (why === null) return decided
  const { prior: _, last: __, ...mine } = decided.keys
  const { prior, last, made, mode } = known
  return {
    change: { kind: 'stay', path, why, drift, after, news, keys },
    keys: { ...mine, prior, ...(last !== undefined && { last }), made, mode },
  }
}

/** Keys that stay where nothing else is to be written; those that the source has dropped are nobody's business any more. */
function staying({ stays = [] }: CoOwned, path: Document['name'], after: Wanted): CoOwned['change'] {
  const ours = stays.filter(({ source }) => source !== 'gone')
  if (ours.length === 0) return null
  const news = ours.some(({ source }) => source === 'changed')
  return { kind: 'stay', path, why: 'keep', drift: 'edited', after, news, keys: ours.map(({ key }) => key), stays: ours }
}

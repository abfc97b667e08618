import { readLive } from '../lib/host/live.ts'
import type { Edit } from '../lib/model/edits.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { at, equal, isObject, pointer, type Json } from '../lib/model/json.ts'
import { ruleAt, type CoOwnership } from '../lib/model/lists.ts'
import type { AbsPath, Digest } from '../lib/model/path.ts'
import type { Run } from './run.ts'

/** What we own in a live document that somebody else writes too. */
export interface Merged {
  readonly live: AbsPath
  readonly as: CoOwnership
  /** The kept copy of our version. */
  readonly digest: Digest
  /** Whether keys of ours that are gone are to go from the source as well. */
  readonly remove: boolean
}

/** The edits that bring what has become of our keys into our own version. Throws `usage` for a key that is gone and may not go, `conflict` for a document that does not parse. */
export async function changedKeys(run: Run, { live, as, digest, remove }: Merged): Promise<Edit[]> {
  const { documents, kept } = run.host
  const ours = await documents.read(as, kept.read(digest).toString(), live)
  const now = await documents.read(as, readLive(live).toString(), live)
  const changed = leaves(ours, now).filter((path) => !equal(at(now, path), at(ours, path)))
  return changed.map((path) => {
    const after = at(now, path)
    if (after !== undefined) return { path, after }
    if (remove) return { path }
    throw new GitopsError('usage', `${live} has no ${shown(as, path)} any more`, { hint: '--delete takes it out of the source.' })
  })
}

/** Where our values stand; an object that has become something else is one. */
function leaves(ours: Json | undefined, now: Json | undefined, path: readonly string[] = []): (readonly string[])[] {
  if (!isObject(ours) || (path.length > 0 && !isObject(now)) || Object.keys(ours).length === 0) return [path]
  return Object.keys(ours).flatMap((name) => leaves(at(ours, [name]), at(now, [name]), [...path, name]))
}

/** An item of a list is named by what it holds, which of a secret is not said. */
function shown({ lists }: CoOwnership, path: readonly string[]): string {
  const list = path.findIndex((_, depth) => ruleAt(lists, path.slice(0, depth)) !== 'whole')
  return list < 0 ? pointer(path) : `item that we wrote in ${pointer(path.slice(0, list))}`
}

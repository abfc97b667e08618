import { doubledKeys, parseJson } from '../lib/documents/json.ts'
import { DOUBLED } from '../lib/host/edit.ts'
import { fingerprint, readLive, realPath, sameStat, statOf, type Stats } from '../lib/host/live.ts'
import { merge, type Prior } from '../lib/model/edits.ts'
import { at, equal, isObject, readJson, type Json } from '../lib/model/json.ts'
import type { AppLock } from '../lib/model/tree.ts'
import type { AbsPath, Digest, RelPath } from '../lib/model/path.ts'
import type { Change } from '../lib/model/plan.ts'
import type { OwnedSecret } from '../lib/model/state.ts'
import type { Run } from './run.ts'

/** What has to change in a co-owned document, and what is to be remembered of what stood there before us. */
export interface CoOwned {
  /** Null when nothing that is ours differs. */
  readonly change: Change | null
  /** The sealed record of the values that our keys replaced; null when there are none. */
  readonly prior: Digest | null
}

interface Document {
  readonly key: AbsPath
  readonly name: RelPath
  readonly lock: AppLock | null
}

/** Plans our keys in a co-owned document; `digest` null takes all that is ours away, and puts back what it replaced. */
export async function coOwned(run: Run, { key, name, lock }: Document, known: OwnedSecret | null, digest: Digest | null): Promise<CoOwned> {
  const { kept } = run.host
  const conflict = (reason: string): CoOwned => ({ change: { kind: 'conflict', path: name, reason }, prior: known?.prior ?? null })
  const stat = statOf(key)
  if (stat !== null && !stat.isFile()) return conflict(notAFile(key, stat))
  const open = stat !== null && (stat.mode & 0o077) !== 0
  // Nobody has touched it since, and nothing new is wanted.
  if (stat !== null && !open && known?.owned.stat != null && known.owned.digest === digest && sameStat(known.owned.stat, fingerprint(stat)))
    return { change: null, prior: known.prior }
  const document = (of: Digest | null | undefined): Json | undefined => (of == null ? undefined : parseJson(kept.read(of).toString(), key))
  const text = stat === null ? '' : readLive(key).toString()
  const live = parseJson(text, key)
  const wanted = document(digest)
  const none = [live, wanted].findIndex((value) => value !== undefined && !isObject(value))
  // There are no keys to tell ours from others': setting it whole would wipe what is there.
  if (digest !== null && none !== -1) return conflict(`cannot be merged: ${none === 0 ? 'it' : 'the secret'} is no JSON object`)
  const base = document(known?.owned.digest)
  const { edits, drift, prior } = merge(base, wanted, live, priorOf(run, key, known))
  const record = remembered(run, key, known, prior)
  if (edits.length === 0 && !(open && digest !== null)) return { change: null, prior: record }
  const [twice] = (await doubledKeys(text, edits)).values()
  if (twice !== undefined) return conflict(DOUBLED(twice))
  const why = stat === null && known !== null ? 'missing' : drift.length > 0 ? 'edited' : edits.length === 0 ? 'mode' : null
  const list = kept.keepSecret(Buffer.from(JSON.stringify(edits)), key)
  const theirs = edits.some(({ path, before }) => before !== undefined && !equal(at(base, path), before))
  return {
    change: { kind: 'edit', path: name, edits: list, mode: 0o600, created: stat === null, lock, drift: why, kept: theirs },
    prior: record,
  }
}

/** Links are not followed: whoever made this one says where it leads, and may mean another file tomorrow. */
function notAFile(key: AbsPath, stat: Stats): string {
  if (!stat.isSymbolicLink()) return 'is not a file; move it away'
  const real = realPath(key)
  return real === null
    ? 'is a link that leads nowhere; remove it'
    : `is a link, and links are not followed; give its secret the file itself, to: ${JSON.stringify(real)}, and the link may stay`
}

/** What our keys replaced, where that can still be read; otherwise they are simply taken out one day, and that is said once. */
function priorOf(run: Run, key: AbsPath, known: OwnedSecret | null): Prior {
  const record = (known ?? run.inventory.secrets.get(key))?.prior ?? null
  if (known !== null && (record === null || run.host.kept.opens(record)))
    return record === null ? new Map() : new Map(Object.entries(readJson(run.host.kept.read(record).toString()) as Record<string, Json>))
  if (record !== null)
    run.notes.push(
      `${key}: what stood under our keys before us will not come back, for the copy of it is lost or the host key that sealed it`,
    )
  return new Map()
}

/** Nothing is remembered of a document that we knew under a host key that is gone: what is ours in it would count as somebody else's. */
function remembered(run: Run, key: AbsPath, known: OwnedSecret | null, prior: Prior): Digest | null {
  if (prior.size === 0 || (known === null && run.inventory.secrets.has(key))) return null
  const entries = [...prior].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return run.host.kept.keepSecret(Buffer.from(JSON.stringify(Object.fromEntries(entries))), key)
}

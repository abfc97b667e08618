import { blobs, type Repository } from '../lib/host/objects.ts'
import { merge } from '../lib/model/edits.ts'
import type { Json } from '../lib/model/json.ts'
import type { CoOwnership } from '../lib/model/lists.ts'
import { under, type AbsPath, type Digest, type RelPath, type Sha } from '../lib/model/path.ts'
import type { Change } from '../lib/model/plan.ts'
import type { Policy } from '../lib/model/policy.ts'
import type { Owned, OwnedKeys, Present, Tree, Wanted } from '../lib/model/tree.ts'
import { answered } from './answered.ts'
import { coOwned, type Document, type Known } from './co-owned.ts'
import { keepPrior } from './prior.ts'
import type { Run } from './run.ts'

/** The co-owned documents of one target: what is to be done about each, and what the inventory will say of our keys in it. */
export interface MergedFiles {
  readonly changes: ReadonlyMap<RelPath, Change | null>
  readonly keys: ReadonlyMap<RelPath, OwnedKeys>
}

interface Place {
  readonly root: AbsPath
  /** The directory in the source that the target is taken from; null for its top. */
  readonly from: RelPath | string | null
}

interface Trees extends Place {
  readonly wanted: Tree<Wanted>
  readonly owned: Tree<Owned>
  readonly present: Tree<Present>
  /** Null while nothing is pulled: then our versions are known. */
  readonly repository: Repository | null
  readonly policy: Policy
}

/** Plans, key by key, the files of a target that an application writes too. */
export async function mergedFiles(run: Run, trees: Trees): Promise<MergedFiles> {
  const { root, wanted, owned, policy } = trees
  const ours = [...wanted].flatMap(([path, want]) => (want.as === undefined ? [] : [[path, want, want.as] as const]))
  const going = [...owned].filter(([path, own]) => own.keys !== undefined && !wanted.has(path))
  const changes = new Map<RelPath, Change | null>()
  const keys = new Map<RelPath, OwnedKeys>()
  const whole = ours.flatMap(([path]) => wasWhole(owned.get(path)))
  await keepOurs(run, trees.repository, [
    ...ours.map(([, { digest, content }]) => [digest, content.kind === 'git' ? content.oid : null] as const),
    ...whole,
  ])
  for (const [path, want, as] of ours) {
    const own = owned.get(path)
    const blocked = blockedBy(trees, path)
    if (blocked !== null) {
      changes.set(path, blocked)
      continue
    }
    const known = knownOf(own) ?? (await knownAsWhole(run, under(root, path), own, as))
    const document = { ...documentOf(run, trees, path, want), as, digest: want.digest, onDrift: policy.onDrift(path) }
    const decided = await coOwned(run, document, known)
    const { change, keys: next } = answered(decided, document, known, want, () => policy.rests(path))
    const same = own?.digest === want.digest && JSON.stringify(own.keys) === JSON.stringify(next)
    changes.set(path, change ?? (same ? null : { kind: 'adopt', path, after: want }))
    keys.set(path, next)
  }
  // What the config takes no more stays, and is no longer ours.
  for (const [path, own] of going) changes.set(path, policy.letsGo(path) ? { kind: 'forget', path } : await gone(run, trees, path, own))
  return { changes, keys }
}

/** What of ours is to leave a document: our keys, or all of it where nobody else has written to what we made. */
export async function gone(run: Run, trees: Pick<Trees, 'root' | 'present'>, path: RelPath, own: Owned): Promise<Change> {
  const known = knownOf(own)
  if (known === null || trees.present.get(path)?.kind !== 'file') return { kind: 'forget', path }
  const { change } = await coOwned(
    run,
    { ...documentOf(run, { root: trees.root, from: null }, path, own), as: known.as, digest: null, onDrift: 'heal' },
    known,
  )
  return change ?? { kind: 'forget', path }
}

/** Our version of each document is kept: the next run compares with it, and no revision is needed to take our keys out. */
async function keepOurs(run: Run, repository: Repository | null, ours: readonly (readonly [Digest, Sha | null])[]): Promise<void> {
  const missing = ours.flatMap(([digest, oid]) => (oid !== null && !run.host.kept.has(digest) ? [oid] : []))
  if (missing.length === 0 || repository === null) return
  for await (const bytes of blobs(repository, [...new Set(missing)], run.signal)) run.host.kept.keep(bytes)
}

type Part = Pick<Wanted, 'mode' | 'executable'>

function documentOf(
  run: Run,
  { root, from }: Place,
  name: RelPath,
  { mode, executable }: Part,
): Omit<Document, 'as' | 'digest' | 'onDrift'> {
  const usual = (executable ? 0o777 : 0o666) & ~run.host.machine.umask
  return {
    key: under(root, name),
    name,
    ours: 'the source',
    from: from === null ? name : `${from}/${name}`,
    secret: false,
    closed: false,
    mode: mode ?? usual,
    modeMatters: mode !== null,
  }
}

function knownOf(own: Owned | undefined): Known | null {
  return own?.keys === undefined ? null : { digest: own.digest, stat: own.stat, ...own.keys }
}

/** A file that was ours as a whole, and is to be merged from now on. */
function wasWhole(own: Owned | undefined): (readonly [Digest, Sha | null])[] {
  return own?.kind === 'file' && own.keys === undefined ? [[own.digest, own.oid]] : []
}

/** All keys of such a file are ours, but for those that stood in the file before it. */
async function knownAsWhole(run: Run, key: AbsPath, own: Owned | undefined, as: CoOwnership): Promise<Known | null> {
  const { kept, documents } = run.host
  if (own === undefined || wasWhole(own).length === 0 || !kept.has(own.digest)) return null
  const original = run.inventory.originals.get(key)
  const known = {
    digest: own.digest,
    stat: null,
    as,
    prior: null,
    made: original === undefined,
    mode: original?.kind === 'file' ? original.mode : null,
  }
  if (original?.kind !== 'file' || !kept.has(original.digest)) return known
  const read = (digest: Digest): Promise<Json | undefined> => documents.read(as, kept.read(digest).toString(), key).catch(() => undefined)
  const { prior } = merge(undefined, await read(own.digest), await read(original.digest))
  return { ...known, prior: keepPrior(run, { key, as, secret: false }, known, { values: prior, texts: new Map() }) }
}

function blockedBy({ present }: Trees, path: RelPath): Change | null {
  const live = present.get(path)
  if (live?.kind !== 'blocked') return null
  const what = live.link ? 'a link, and links are not followed below a target' : 'not a directory'
  return { kind: 'conflict', path, reason: `cannot be written: ${JSON.stringify(live.by)} is ${what}; move it away or exclude the path` }
}

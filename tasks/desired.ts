import { digestOf } from '../lib/host/hash.ts'
import { rootOf } from '../lib/host/live.ts'
import type { TreeEntry } from '../lib/host/objects.ts'
import type { SecretFile, Target } from '../lib/model/config.ts'
import { placed } from '../lib/model/errors.ts'
import { under, type RelPath, type Sha } from '../lib/model/path.ts'
import type { Refusal } from '../lib/model/refusal.ts'
import { knownOf } from './hold.ts'
import { objectsAt, type Objects } from './parts.ts'
import type { Run, Unit } from './run.ts'
import { listed, noSuchDirectory } from './wanted.ts'

/** What a commit asks for here. */
export interface Desired {
  /** The digest of all of it: which objects go where, and what the config says about it. */
  readonly digest: string
  readonly listings: ReadonlyMap<Target, readonly TreeEntry[]>
  readonly made: ReadonlyMap<SecretFile, Objects>
}

/** What a commit of a pulled unit asks for. Throws `no-such-path` or `hostile` for one that cannot be had here. */
export async function desiredAt(run: Run, unit: Unit, commit: Sha): Promise<Desired> {
  const made = await objectsAt(run, unit, commit)
  const listings = new Map<Target, readonly TreeEntry[]>()
  const parts = [run.declaration]
  for (const target of run.config.targets.filter(({ source }) => source === unit.name)) {
    const entries = unit.pulled === null ? null : await judged(target, listed(run, unit.pulled.repository, commit, target))
    // Where we have been before, a directory that is gone means that nothing is wanted; the shrink guard asks about that.
    if (entries === null && !run.inventory.targets.has(rootOf(target.to))) throw noSuchDirectory(target, commit)
    listings.set(target, entries ?? [])
    parts.push(target.to, target.declaration, ...(entries ?? []).flatMap((entry) => [entry.path, entry.type, entry.oid]))
  }
  for (const [secret, { oid }] of made) parts.push(secret.to, secret.declaration, oid)
  return { digest: digestOf(parts.join('\0')), listings, made }
}

/** What is wrong in a tree is told by where it would have gone. */
export async function judged<T>(target: Target, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw placed(error, (path) => under(rootOf(target.to), path as RelPath))
  }
}

/** What is remembered against what a commit asks for, whichever commit brought that before. One that cannot be read is known by its name alone. */
export async function refusalsOf(run: Run, unit: Unit, commit: Sha): Promise<readonly Refusal[]> {
  const { refused } = knownOf(run, unit.name)
  if (refused.length === 0 || unit.source === null) return []
  try {
    const pulled = unit.pulled ?? (await run.host.pull(unit.source, { fetch: false, signal: run.signal }))
    const { digest } = await desiredAt(run, { ...unit, pulled }, commit)
    return refused.filter(({ desired }) => desired === digest)
  } catch {
    return refused.filter((refusal) => refusal.commit === commit)
  }
}

import { collisions, contentFaults, entryFaults, foldsNames, linkFaults, refuse, takenFault, type TreeFault } from '../lib/gate/tree.ts'
import { digestOf } from '../lib/host/hash.ts'
import { blobs, listTree, type Repository, type TreeEntry } from '../lib/host/objects.ts'
import type { Config, Target } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { short, type Digest, type RelPath, type Sha, under } from '../lib/model/path.ts'
import type { Owned, Tree, Wanted } from '../lib/model/tree.ts'
import type { Run } from './run.ts'

/** The entries that a target takes from a commit, judged and not yet read. Null when the commit has no such directory. */
export async function listed(run: Run, repository: Repository, commit: Sha, target: Target): Promise<readonly TreeEntry[] | null> {
  const entries = await listTree(repository, commit, target.from, run.signal)
  const secrets = run.config.secrets.filter((secret) => secret.source === target.source)
  const inSource = (path: RelPath): RelPath => (target.from === null ? path : (`${target.from}/${path}` as RelPath))
  // A secret's ciphertext is never copied as a file, nor are keys for a document.
  const accepted =
    entries?.filter(
      (entry) => target.accepts(entry.path) && !secrets.some(({ from, plain }) => [from, plain].includes(inSource(entry.path))),
    ) ?? null
  refuse(accepted === null ? [] : treeFaults(run.config, target, accepted))
  if (accepted !== null && foldsNames(run.host.machine.platform)) refuse(collisions(accepted))
  return accepted
}

/** What of the entries that a target takes cannot be put in place, whatever is in them. */
export function treeFaults({ secrets }: Config, target: Target, entries: readonly TreeEntry[]): TreeFault[] {
  const taken = entries.filter(({ path }) => secrets.some(({ to }) => to === under(target.to, path))).map(({ path }) => takenFault(path))
  return [...taken, ...entryFaults(entries, target.protects)]
}

/** The tree that a target wants. Blobs that the inventory knows by their object id are not read again. */
export async function wanted(
  run: Run,
  repository: Repository,
  target: Target,
  entries: readonly TreeEntry[],
  owned: Tree<Owned>,
): Promise<Tree<Wanted>> {
  const known = new Map<Sha, Digest>()
  for (const entry of owned.values()) if (entry.oid !== null) known.set(entry.oid, entry.digest)
  await judgeLinks(run, repository, entries, owned)
  const unread = entries.filter((entry) => !known.has(entry.oid))
  const oids = [...new Set(unread.map((entry) => entry.oid))]
  const first = new Map(unread.map((entry) => [entry.oid, entry]))
  let index = 0
  for await (const bytes of blobs(repository, oids, run.signal)) {
    const oid = oids[index++] as Sha
    const entry = first.get(oid)
    if (entry !== undefined && entry.type !== 'link') refuse(contentFaults(entry.path, bytes))
    known.set(oid, digestOf(bytes))
  }
  return new Map(
    entries.map((entry) => [
      entry.path,
      {
        kind: entry.type === 'link' ? 'link' : 'file',
        digest: known.get(entry.oid) as Digest,
        ...permissions(entry, target),
        content: { kind: 'git', source: target.source, oid: entry.oid },
        ...asMerged(target, entry),
      },
    ]),
  )
}

/** A link has no keys. */
function asMerged(target: Target, { path, type }: TreeEntry): Pick<Wanted, 'as'> {
  const as = type === 'link' ? null : target.mergeOf(path)
  return as === null ? {} : { as }
}

/** Git knows one bit; the config may say more. */
export function permissions({ path, type }: TreeEntry, target: Target): Pick<Wanted, 'executable' | 'mode'> {
  const declared = type === 'link' ? null : target.modeOf(path)
  return declared === '+x' ? { executable: true, mode: null } : { executable: type === 'executable', mode: declared }
}

/** Every link is walked through all others; nothing is read when the very same links were judged before. */
async function judgeLinks(run: Run, repository: Repository, entries: readonly TreeEntry[], owned: Tree<Owned>): Promise<void> {
  const links = entries.filter((entry) => entry.type === 'link')
  const before = [...owned.values()].filter((entry) => entry.kind === 'link').length
  if (links.length === before && links.every((link) => owned.get(link.path)?.oid === link.oid)) return
  const texts = new Map<RelPath, string>()
  let index = 0
  for await (const bytes of blobs(
    repository,
    links.map((link) => link.oid),
    run.signal,
  )) {
    const link = links[index++]
    if (link !== undefined) texts.set(link.path, bytes.toString())
  }
  refuse(linkFaults(texts))
}

/** The commit has nothing at a target's `from`. */
export function noSuchDirectory(target: Target, commit: Sha): GitopsError {
  return new GitopsError(
    'no-such-path',
    `target ${target.name}: there is no directory ${JSON.stringify(target.from ?? '.')} in ${target.source} at ${short(commit)}`,
    {
      hint: `Mend targets.${target.name}.from in the config, or commit that directory.`,
    },
  )
}

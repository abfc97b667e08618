import { contentFaults, entryFaults, linkFaults, refuse } from '../lib/gate/tree.ts'
import { inWorkTree, type Captured } from '../lib/host/checkout.ts'
import { readLive, rootOf, scan } from '../lib/host/live.ts'
import { realPlace } from '../lib/host/real-place.ts'
import type { Target } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import type { CoOwnership } from '../lib/model/lists.ts'
import { isWithin, relPath, under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import { isExecutable, type Owned, type Present, type Tree } from '../lib/model/tree.ts'
import type { Capture, CaptureOptions } from './capture.ts'
import { changedKeys } from './captured-keys.ts'
import type { Run } from './run.ts'

type Place = Pick<Capture, 'live' | 'source' | 'path'>

/** A path in a target; null for the target itself. */
interface InTarget {
  readonly target: Target
  readonly root: AbsPath
  readonly path: RelPath | null
}

/** The target that a live path lies in, by its name or where that leads to; null when there is none. */
export function targetAt(run: Run, path: AbsPath): InTarget | null {
  for (const target of run.config.targets) {
    const root = rootOf(target.to)
    const [place, full] = isWithin(path, target.to) ? [target.to, path] : [root, realPlace(path)]
    if (isWithin(full, place)) return { target, root, path: full === place ? null : relPath(full.slice(place.length).replace(/^\//, '')) }
  }
  return null
}

/** A file, or all files of ours in a directory that have changed, and what the source is to hold in their places. Throws `usage`. */
export async function capturedFiles(run: Run, { target, root, path }: InTarget, options: CaptureOptions): Promise<readonly Capture[]> {
  const owned: Tree<Owned> = run.inventory.targets.get(root)?.entries ?? new Map()
  const inside = [...owned.keys()].filter((known) => path === null || known.startsWith(`${path}/`))
  const paths = path === null ? inside : [...inside, path]
  const { present } = scan(root, paths, owned)
  const self = path === null ? undefined : present.get(path)
  // A directory is what is ours in it; a file that is one now has gone.
  const named = path !== null && (owned.has(path) || self === undefined || (self.kind !== 'directory' && self.kind !== 'blocked'))
  if (!named && inside.length === 0)
    throw new GitopsError('usage', `${path === null ? root : under(root, path)} holds nothing of ours`, {
      hint: 'Name the new files in it that the source is to have.',
    })
  const all = [...inside.filter((known) => isChanged(present.get(known), owned.get(known))), ...(named ? [path] : [])]
  const own = path === null ? null : under(root, path)
  const captures = all.map((each) => capturedFile(run, target, root, each, present.get(each), owned.get(each), options, each === path))
  // What has not changed is told of only where it was asked for.
  return (await Promise.all(captures)).filter(({ captured, note, live }) => captured !== null || note !== undefined || live === own)
}

async function capturedFile(
  run: Run,
  target: Target,
  root: AbsPath,
  path: RelPath,
  now: Present | undefined,
  own: Owned | undefined,
  { remove }: CaptureOptions,
  isNamed: boolean,
): Promise<Capture> {
  const live = under(root, path)
  const capture = {
    live,
    source: target.source,
    path: sourcePath(target, path),
    applied: own?.oid ?? null,
  }
  if (now?.kind === 'special') throw new GitopsError('usage', `${live} is neither a file nor a link, and Git can hold no other`)
  if (now?.kind === 'file' || now?.kind === 'link') {
    if (own === undefined) refuseNew(run, target, path, live)
    if (own?.keys !== undefined && now.kind === 'file')
      return { ...capture, captured: await keysOf(run, capture, own.keys.as, own, remove) }
    return { ...capture, captured: isChanged(now, own) ? content(live, path, now) : null }
  }
  if (own === undefined) throw new GitopsError('usage', `${live} is ${now === undefined ? 'not there' : 'no file'}, and nothing of ours`)
  if (!remove && isNamed)
    throw new GitopsError('usage', `${live} is ${now === undefined ? 'gone' : 'no file any more'}`, {
      hint: '--delete takes it out of the source.',
    })
  return remove
    ? { ...capture, captured: { kind: 'gone' } }
    : { ...capture, captured: null, note: 'is gone, and stays in the source without --delete' }
}

function sourcePath({ from }: Target, path: RelPath): RelPath {
  return relPath(from === null ? path : `${from}/${path}`)
}

/** Permissions that the config declares are not the source's. */
function isChanged(now: Present | undefined, own: Owned | undefined): boolean {
  if (own === undefined || now?.kind !== own.kind || now.digest !== own.digest) return true
  return now.kind === 'file' && isExecutable(now.mode) !== own.executable
}

/** Throws `usage` for a path that would not come back from the source, or not to here. */
function refuseNew(run: Run, target: Target, path: RelPath, live: AbsPath): void {
  if (!target.accepts(path))
    throw new GitopsError('usage', `${live} is left out of target ${target.name}, by its include or exclude`, {
      hint: 'Change them first.',
    })
  const inSource = sourcePath(target, path)
  if (run.config.secrets.some(({ source, from, plain }) => source === target.source && [from, plain].includes(inSource)))
    throw new GitopsError('usage', `${live} would take the place of what a secret or a document is made from in the source, ${inSource}`, {
      hint: 'Give it another name.',
    })
  refuse(entryFaults([{ path, type: 'file' }], target.protects))
}

/** Of a document that an application writes too, the source's file with what has become of our keys; null when nothing has. */
async function keysOf(run: Run, { live, source, path }: Place, as: CoOwnership, own: Owned, remove: boolean): Promise<Captured | null> {
  const edits = await changedKeys(run, { live, as, digest: own.digest, remove })
  if (edits.length === 0) return null
  const ours = inWorkTree(run.config, source, path) ?? run.host.kept.read(own.digest)
  const text = await run.host.documents.write(as, ours.toString(), edits, path)
  return { kind: 'file', bytes: Buffer.from(text), executable: own.executable }
}

function content(live: AbsPath, path: RelPath, now: Extract<Present, { kind: 'file' | 'link' }>): Captured {
  const bytes = readLive(live)
  if (now.kind === 'link') {
    refuse(linkFaults(new Map([[path, bytes.toString()]])))
    return { kind: 'link', text: bytes.toString() }
  }
  refuse(contentFaults(path, bytes))
  return { kind: 'file', bytes, executable: isExecutable(now.mode) }
}

import { constants, lstatSync, openSync, closeSync, readFileSync, readdirSync, readlinkSync, realpathSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { absPath, ancestors, under, type AbsPath, type Digest, type RelPath } from '../model/path.ts'
import type { Node, Owned, Present, Stat, Tree } from '../model/tree.ts'
import { digestOf, digestOfFile } from './hash.ts'

export type { Stats }

/** How the content of a live file is digested: plainly, or under the host key for a secret. */
export type DigestAt = (path: AbsPath) => Digest

/** What is on disk below one target's root, and which directories stand there. */
export interface Scan {
  readonly present: Tree<Present>
  /** Whether a path below the root is a real directory. */
  readonly isDirectory: (path: RelPath) => boolean
  /** The permission bits of such a directory. */
  readonly modeOf: (path: RelPath) => number
  /** The root and directories above it that are missing, outermost first. */
  readonly missingRoots: readonly AbsPath[]
  /** The root, or the nearest directory above it that exists. */
  readonly base: AbsPath
}

/** The live directory of a target with links resolved, so that one directory has one name. Throws `conflict` when a file stands there. */
export function rootOf(to: AbsPath): AbsPath {
  const missing: string[] = []
  for (let path: string = to; ; path = dirname(path)) {
    const stat = statOf(path)
    if (stat === null) {
      missing.unshift(path.slice(dirname(path).length).replace(/^\//, ''))
      continue
    }
    const real = realpathOf(path)
    if (!lstatSync(real).isDirectory())
      throw new GitopsError('conflict', `${path} is not a directory`, { hint: 'Move it away, or choose another place in the config.' })
    return absPath(missing.length === 0 ? real : join(real, ...missing))
  }
}

function realpathOf(path: string): string {
  try {
    return realpathSync(path)
  } catch (cause) {
    throw new GitopsError('conflict', `${path} is a link that leads nowhere`, { hint: 'Remove it, or make what it points to.', cause })
  }
}

/** Looks at every path once: type, content, mode. A content that the inventory knows, by an unchanged stat, is not read again. */
export function scan(root: AbsPath, paths: Iterable<RelPath>, owned: Tree<Owned>, digestAt: DigestAt = digestOfFile): Scan {
  const began = Date.now()
  const directories = new Map<string, 'directory' | 'missing' | 'link' | 'file'>()
  const missingRoots: AbsPath[] = []
  let base: string = root
  for (; statOf(base) === null; base = dirname(base)) missingRoots.unshift(absPath(base))
  const typeOf = (path: RelPath): 'directory' | 'missing' | 'link' | 'file' => {
    const known = directories.get(path)
    if (known !== undefined) return known
    const stat = statOf(under(root, path))
    const type = stat === null ? 'missing' : stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'link' : 'file'
    directories.set(path, type)
    return type
  }
  const present = new Map<RelPath, Present>()
  for (const path of missingRoots.length > 0 ? [] : paths) {
    const found = lookAt(root, path, typeOf, owned, began, digestAt)
    if (found !== null) present.set(path, found)
  }
  const isDirectory = (path: RelPath): boolean =>
    missingRoots.length === 0 && ancestors(path).every((above) => typeOf(above) === 'directory') && typeOf(path) === 'directory'
  const modeOf = (path: RelPath): number => (statOf(under(root, path))?.mode ?? 0o755) & 0o7777
  return { present, isDirectory, modeOf, missingRoots, base: absPath(base) }
}

function lookAt(
  root: AbsPath,
  path: RelPath,
  typeOf: (path: RelPath) => string,
  owned: Tree<Owned>,
  began: number,
  digestAt: DigestAt,
): Present | null {
  for (const above of ancestors(path)) {
    const type = typeOf(above)
    if (type === 'missing') return null
    if (type !== 'directory') return { kind: 'blocked', by: above, link: type === 'link' }
  }
  const live = under(root, path)
  const stat = statOf(live)
  if (stat === null) return null
  if (stat.isDirectory()) return { kind: 'directory', foreign: foreignIn(root, path, owned) }
  if (!stat.isFile() && !stat.isSymbolicLink()) return { kind: 'special' }
  const known = owned.get(path)
  const now = fingerprint(stat)
  const digest = known?.stat && sameStat(known.stat, now) ? known.digest : stat.isFile() ? read(live, digestAt) : digestOf(linkText(live))
  const trusted = settled(now, began)
  if (!stat.isFile()) return { kind: 'link', digest, stat: trusted }
  return { kind: 'file', digest, mode: stat.mode & 0o7777, stat: trusted, ...ownerIn(stat) }
}

/** The first entry below a directory that is neither ours nor on the way to something of ours. */
function foreignIn(root: AbsPath, path: RelPath, owned: Tree<Owned>): string | null {
  for (const entry of readdirSync(under(root, path), { withFileTypes: true })) {
    const inner = `${path}/${entry.name}` as RelPath
    if (entry.isDirectory()) {
      const ours = [...owned.keys()].some((known) => known.startsWith(`${inner}/`))
      const foreign = ours ? foreignIn(root, inner, owned) : inner
      if (foreign !== null) return foreign
    } else if (!owned.has(inner)) return inner
  }
  return null
}

/** What is at a live path now, content included: a file, a link, nothing, or something else. */
export function look(path: AbsPath, digestAt: DigestAt = digestOfFile): Node | null | 'other' {
  const stat = statOf(path)
  if (stat === null) return null
  if (stat.isSymbolicLink()) return { kind: 'link', digest: digestOf(linkText(path)) }
  return stat.isFile() ? { kind: 'file', digest: read(path, digestAt), mode: stat.mode & 0o7777, ...ownerIn(stat) } : 'other'
}

function ownerIn({ uid, gid }: Stats): Pick<Extract<Node, { kind: 'file' }>, 'owner'> {
  const same = process.getuid === undefined || (uid === process.geteuid?.() && gid === process.getegid?.())
  return same ? {} : { owner: { uid, gid } }
}

/** The bytes of a live file, or the text of a link; never through a link. */
export function readLive(path: string): Buffer {
  if (statOf(path)?.isSymbolicLink() === true) return linkText(path)
  const file = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

/** The text of a link; it may be no UTF-8. */
function linkText(path: string): Buffer {
  return readlinkSync(path, { encoding: 'buffer' })
}

/** Whether a path that was resolved before is still reached through directories alone, as far as they exist. */
export function reached(path: string): boolean {
  let above = dirname(path)
  while (statOf(above) === null) above = dirname(above)
  try {
    return realpathSync(above) === above
  } catch {
    return false
  }
}

/** lstat, with null for what does not exist; a name that is too long for the file system cannot. */
export function statOf(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null
  } catch (error) {
    if (['ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

/** Where a path leads with links followed; null when it leads nowhere. */
export function realPath(path: AbsPath): AbsPath | null {
  try {
    return absPath(realpathSync(path))
  } catch {
    return null
  }
}

/** The part of a stat that changes whenever content or mode can have changed. */
export function fingerprint(stat: Stats): Stat {
  return { size: stat.size, mtime: stat.mtimeMs, ctime: stat.ctimeMs, ino: stat.ino }
}

/** Milliseconds within which a file system's clock may not tell two writes apart. */
const COARSE = 2000

/** A stat younger than the clock of a file system is coarse could hide a later write: then the content is read next time. */
function settled(stat: Stat, looked: number): Stat | null {
  return looked - Math.max(stat.ctime, stat.mtime) > COARSE ? stat : null
}

/** Whether nobody has written to a file since, as far as its time tells for sure. Its ctime does not: that changes with its names. */
export function sameWrite(now: Stats, before: Stats): boolean {
  return now.size === before.size && now.mtimeMs === before.mtimeMs && Date.now() - before.mtimeMs > COARSE
}

/** Whether two looks at a file saw the same bytes, as far as its metadata tells. */
export function sameStat(a: Stat, b: Stat): boolean {
  return a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.ino === b.ino
}

function read<T>(path: AbsPath, how: (path: AbsPath) => T): T {
  try {
    return how(path)
  } catch (cause) {
    throw new GitopsError('io', `${path} cannot be read: ${(cause as Error).message}`, { hint: 'Check its owner and permissions.', cause })
  }
}

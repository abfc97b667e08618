import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config, Source } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { ancestors, isSha, type RelPath } from '../model/path.ts'
import { isExecutable, withExecutable } from '../model/tree.ts'
import { trusting } from './fetch.ts'
import { git, lastLines, type GitOptions } from './git.ts'
import { commitOf, filesAt, type TreeEntry } from './objects.ts'
import { replaceFile } from './replace.ts'
import { gitDirOf, topOf } from './self.ts'

/** What a path of a work tree is to hold. */
export type Captured =
  | { readonly kind: 'file'; readonly bytes: Buffer; readonly executable: boolean }
  | { readonly kind: 'link'; readonly text: string }
  | { readonly kind: 'gone' }

/** The work tree of a source on this machine, as Git sees it. */
export interface Checkout {
  readonly source: Source
  readonly top: string
  /** The checked-out branch; null when HEAD is detached. */
  readonly branch: string | null
  /** Paths with changes that are not committed, and files that Git does not know. */
  readonly dirty: ReadonlySet<string>
  /** The files that HEAD has at these paths. */
  readonly head: (paths: readonly RelPath[]) => Promise<ReadonlyMap<RelPath, TreeEntry>>
  /** Those of these paths that Git ignores. */
  readonly ignored: (paths: readonly RelPath[]) => Promise<readonly string[]>
}

/** The work tree that a source is read from. Throws `config` when it has none on this machine, `git` when Git cannot read it. */
export async function checkoutOf(config: Config, source: Source, signal: AbortSignal): Promise<Checkout> {
  const top = source.directory === null ? null : topOf(source.directory)
  if (top === null || !existsSync(join(top, '.git')))
    throw new GitopsError('config', `source ${source.name} (${source.repo}) has no work tree on this machine`, {
      hint: 'Make the change in a clone of it, commit it there and push.',
    })
  const trust = trusting(top, config.state, config.home)
  const run: GitOptions = { cwd: top, asUser: true, config: trust, signal }
  const repository = { gitDir: gitDirOf(top), config: trust }
  const status = await git(
    ['--no-optional-locks', 'status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules'],
    run,
  )
  if (status.code !== 0) throw new GitopsError('git', `${top} cannot be read as a work tree: ${lastLines(status.stderr)}`)
  const dirty = status.stdout.toString().split('\0').filter(Boolean)
  const branch = await git(['symbolic-ref', '--quiet', '--short', 'HEAD'], run)
  return {
    source,
    top,
    branch: branch.code === 0 ? branch.stdout.toString().trim() : null,
    dirty: new Set(dirty.map((line) => line.slice(3))),
    async head(paths) {
      const commit = await commitOf(repository, 'HEAD', signal)
      return commit === null || paths.length === 0 ? new Map() : filesAt(repository, commit, paths, signal)
    },
    async ignored(paths) {
      if (paths.length === 0) return []
      const { stdout } = await git(['check-ignore', '-z', '--stdin'], { ...run, input: paths.join('\0') })
      return stdout.toString().split('\0').filter(Boolean)
    },
  }
}

/** The bytes of a file in the work tree of a source; null when it has none on this machine, or no such file. */
export function inWorkTree({ sources }: Config, name: string, path: RelPath): Buffer | null {
  const directory = sources.find((known) => known.name === name)?.directory ?? null
  const top = directory === null ? null : topOf(directory)
  if (top === null || at(join(top, path))?.isFile() !== true) return null
  return readFileSync(join(top, path))
}

/** Whether the branch that is checked out is not the one that the source reads. */
export function isElsewhere({ source, branch }: Checkout): boolean {
  return source.ref !== null && !isSha(source.ref) && source.ref !== branch
}

/** Whether a path of the work tree holds this already. */
export function holdsAlready({ top }: Checkout, path: RelPath, captured: Captured): boolean {
  const full = join(top, path)
  const stat = at(full)
  if (captured.kind === 'gone' || stat === null) return captured.kind === 'gone' && stat === null
  if (captured.kind === 'link') return stat.isSymbolicLink() && readlinkSync(full) === captured.text
  return stat.isFile() && isExecutable(stat.mode) === captured.executable && readFileSync(full).equals(captured.bytes)
}

/** Git has no path that leads through a link: what were written there would lie elsewhere. Throws `conflict`. */
export function refuseLinked({ top }: Checkout, path: RelPath): void {
  const link = ancestors(path).find((above) => at(join(top, above))?.isSymbolicLink() === true)
  if (link !== undefined)
    throw new GitopsError('conflict', `${join(top, path)} leads through ${join(top, link)}, which is a link`, {
      hint: 'Put a directory in its place.',
    })
}

/** Makes a path of the work tree hold this. Nothing is staged or committed. Throws `io`, or `conflict` where a directory with files is in the way. */
export function putInCheckout({ top }: Checkout, path: RelPath, captured: Captured, umask: number): void {
  const full = join(top, path)
  try {
    const stat = at(full)
    if (stat !== null && (captured.kind !== 'file' || !stat.isFile())) remove(full, stat)
    if (captured.kind === 'gone') return removeEmpty(top, path)
    mkdirSync(dirname(full), { recursive: true })
    if (captured.kind === 'link') return symlinkSync(captured.text, full)
    const mode = withExecutable(stat?.isFile() === true ? stat.mode & 0o7777 : 0o666 & ~umask, captured.executable)
    replaceFile(full, captured.bytes, { mode, exact: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === undefined || error instanceof GitopsError) throw error
    const why =
      code === 'ENOTDIR' || code === 'EEXIST'
        ? 'a file stands where a directory has to be'
        : code === 'ENOTEMPTY'
          ? 'it is a directory with other files'
          : code
    throw new GitopsError('conflict', `${full} cannot be written: ${why}`, {
      hint: why === code ? 'See that its directory is yours to write.' : 'Capture what has gone as well, with --delete.',
      cause: error,
    })
  }
}

function at(path: string): Stats | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return null
    throw error
  }
}

function remove(path: string, stat: Stats): void {
  if (stat.isDirectory()) rmdirSync(path)
  else unlinkSync(path)
}

function removeEmpty(top: string, path: RelPath): void {
  for (const above of ancestors(path).toReversed()) {
    try {
      rmdirSync(join(top, above))
    } catch {
      return
    }
  }
}

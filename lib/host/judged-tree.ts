import { copyFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { absPath, isWithin, relPath, sha, type AbsPath, type RelPath, type Sha } from '../model/path.ts'
import { trusting } from './fetch.ts'
import { git, gitText, lastLines, type GitOptions } from './git.ts'
import { commitOf, type Repository } from './objects.ts'
import { topOf } from './self.ts'
import { memoryDirectories } from './stage.ts'

/** Which tree is to be judged: what a commit of the work tree would be, what is staged, or the last commit of a range. */
export type Asked =
  | { readonly kind: 'work-tree' }
  | { readonly kind: 'staged' }
  | { readonly kind: 'commits'; readonly from: string | null; readonly to: string }

/** A tree whose objects can be read, whether or not it was ever committed. Nothing is written to its repository. */
export interface JudgedTree {
  readonly asked: Asked
  /** The work tree, a real path. */
  readonly top: AbsPath
  /** Where the tree's objects are. */
  readonly repository: Repository
  /** Git in the work tree, as its user. */
  readonly user: GitOptions
  readonly tree: Sha
  /** The commit that is checked out; null before the first one. */
  readonly head: Sha | null
  /** The commits that are judged with it, all of `to` that are not of `from`; null for a tree alone. */
  readonly commits: { readonly from: Sha | null; readonly to: Sha } | null
  /** The paths that differ from what is checked out, where only these are looked at one by one; null for all. */
  readonly changed: ReadonlySet<RelPath> | null
  /** A private directory that goes with it. */
  readonly scratch: AbsPath
  /** Removes what was written outside the repository. */
  readonly release: () => void
}

/** The tree that is asked for, in the repository of a directory. Throws `usage` where there is none, `git` where it cannot be made. */
export async function judgedTree(directory: AbsPath, asked: Asked, home: AbsPath, signal: AbortSignal): Promise<JudgedTree> {
  const found = topOf(directory)
  if (found === null)
    throw new GitopsError('usage', `${directory} is not in a Git repository`, { hint: 'Run it in the repository that is to be judged.' })
  const top = absPath(realpathSync(found))
  const scratch = scratchDirectory()
  const release = (): void => rmSync(scratch, { recursive: true, force: true })
  try {
    const config = trusting(top, scratch, home)
    const user: GitOptions = { cwd: top, asUser: true, config, signal }
    const place = async (...args: string[]): Promise<string> =>
      resolve(top, await gitText(['rev-parse', ...args], { cwd: top, config, signal }))
    const gitDir = await place('--absolute-git-dir')
    const own: Repository = { gitDir, config }
    const head = await commitOf(own, 'HEAD', signal)
    const known = { asked, top, user, head, scratch, release }
    if (asked.kind === 'commits') {
      const to = await commitIn(own, asked.to, signal)
      const from = asked.from === null ? null : await commitIn(own, asked.from, signal)
      return {
        ...known,
        repository: own,
        tree: sha(await gitText(['rev-parse', `${to}^{tree}`], { ...own, signal })),
        commits: { from, to },
        changed: null,
      }
    }
    const repository = await borrowing(scratch, await place('--git-path', 'objects'), config, signal, top)
    const index = asked.kind === 'staged' ? indexInUse(top, gitDir) : null
    const tree = await writtenTree(user, repository, {
      from: index ?? (await place('--git-path', 'index')),
      refresh: asked.kind === 'work-tree',
    })
    const changed = asked.kind === 'staged' ? await differing(repository, head, tree, signal) : null
    return { ...known, repository, tree, commits: null, changed }
  } catch (error) {
    release()
    throw error
  }
}

/** How long a judgement takes at the very most, in milliseconds. */
const LONGEST = 3_600_000

/** In memory where the system offers that: what is in a work tree is nobody else's business. What killed ones have left goes. */
function scratchDirectory(): AbsPath {
  const [base = tmpdir()] = memoryDirectories()
  for (const name of readdirSync(base).filter((each) => each.startsWith(SCRATCH))) {
    const stat = lstatSync(join(base, name), { throwIfNoEntry: false })
    const isOurs = stat?.isDirectory() === true && stat.uid === (process.getuid?.() ?? stat.uid)
    if (isOurs && Date.now() - stat.mtimeMs > LONGEST) rmSync(join(base, name), { recursive: true, force: true })
  }
  return absPath(realpathSync(mkdtempSync(join(base, SCRATCH))))
}

const SCRATCH = 'gitops-gate-'

/** A repository of its own for new objects, which finds all others where they are. */
async function borrowing(scratch: AbsPath, objects: string, config: string | null, signal: AbortSignal, top: AbsPath): Promise<Repository> {
  const gitDir = join(scratch, 'judged.git')
  const format = await gitText(['rev-parse', '--show-object-format'], { cwd: top, config, signal })
  await gitText(['init', '--quiet', '--bare', '--template=', `--object-format=${format}`, gitDir], { signal })
  mkdirSync(join(gitDir, 'objects/info'), { recursive: true })
  writeFileSync(join(gitDir, 'objects/info/alternates'), `${quoted(objects)}\n`)
  return { gitDir, config: null }
}

/** As Git reads a path that a line could not hold. */
function quoted(path: string): string {
  return /^["#]|[\n\\]/.test(path) ? `"${path.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"` : path
}

/** In a hook Git may commit another index than the usual one, and says which. */
function indexInUse(top: AbsPath, gitDir: string): string | null {
  const named = process.env['GIT_INDEX_FILE']
  if (named === undefined || named === '') return null
  const path = resolve(top, named)
  return existsSync(path) && isWithin(realpathSync(path), realpathSync(gitDir)) ? path : null
}

/** The tree of an index, of a copy of it that has the present content of all its files if that is wanted. */
async function writtenTree(user: GitOptions, { gitDir }: Repository, index: { from: string; refresh: boolean }): Promise<Sha> {
  const copy = join(gitDir, 'index')
  if (existsSync(index.from)) copyFileSync(index.from, copy)
  const options: GitOptions = {
    ...user,
    env: { GIT_INDEX_FILE: copy, GIT_OBJECT_DIRECTORY: join(gitDir, 'objects') },
    // Either would write beside the index that the repository has.
    pins: ['core.splitIndex=false', 'core.untrackedCache=false', 'core.safecrlf=false', 'advice.addEmbeddedRepo=false'],
    timeout: 600_000,
  }
  if (index.refresh) await gitText(['add', '--update', '--', ':/'], options)
  const { code, stdout, stderr } = await git(['write-tree'], options)
  if (code === 0) return sha(stdout.toString().trim())
  if (/unmerged/.test(stderr))
    throw new GitopsError('git', 'what is staged is no tree yet: a merge is under way', {
      hint: 'Settle its conflicts, and `git add` what they were in.',
    })
  throw new GitopsError('git', `what is staged cannot be read as a tree: ${lastLines(stderr)}`)
}

/** The paths that differ between what is checked out and a tree; those that are gone are among them. */
async function differing(repository: Repository, head: Sha | null, tree: Sha, signal: AbortSignal): Promise<ReadonlySet<RelPath>> {
  const args = ['--name-only', '-z', '-r', '--no-renames']
  const { code, stdout, stderr } =
    head === null
      ? await git(['ls-tree', '-r', '-z', '--name-only', tree], { ...repository, signal })
      : await git(['diff-tree', ...args, head, tree], { ...repository, signal })
  if (code !== 0) throw new GitopsError('git', `what is staged cannot be compared with HEAD: ${lastLines(stderr)}`)
  return new Set(stdout.toString().split('\0').filter(Boolean).map(relPath))
}

async function commitIn(repository: Repository, name: string, signal: AbortSignal): Promise<Sha> {
  const commit = await commitOf(repository, name, signal)
  if (commit === null)
    throw new GitopsError('usage', `there is no commit ${JSON.stringify(name)} in this clone`, {
      hint: 'A shallow clone has only the last ones: fetch with the whole history.',
    })
  return commit
}

/** The files of the work tree that Git does not know and does not ignore; none where the work tree is not what is judged. */
export async function untrackedFiles({ asked, user }: JudgedTree): Promise<readonly string[]> {
  if (asked.kind !== 'work-tree') return []
  const { code, stdout } = await git(['ls-files', '--others', '--exclude-standard', '-z'], user)
  return code === 0 ? stdout.toString().split('\0').filter(Boolean) : []
}

/** The addresses that this repository's remotes have. */
export async function remotesOf({ user }: JudgedTree): Promise<readonly string[]> {
  const { stdout } = await git(['config', '--null', '--get-regexp', '^remote\\..*\\.url$'], user)
  return stdout
    .toString()
    .split('\0')
    .flatMap((entry) => (entry === '' ? [] : [entry.slice(entry.indexOf('\n') + 1)]))
}

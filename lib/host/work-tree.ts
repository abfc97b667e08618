import { existsSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isWithin, type AbsPath, type Sha } from '../model/path.ts'
import { git, type GitOptions } from './git.ts'
import { commitOf, type Repository } from './objects.ts'

/** The clone that holds the config, as the user left it. */
export interface Clone {
  readonly directory: string
  readonly repository: Repository
  /** Git in this clone with the user's configuration. */
  readonly run: GitOptions
  /** The checked-out branch, or null when HEAD is detached. */
  readonly branch: string | null
}

/** Fast-forwards the work tree; what kept it from that, or null. */
export async function fastForward(clone: Clone, tip: Sha): Promise<string | null> {
  const busy = atWork(clone)
  if (busy !== null) return busy
  await git(['merge', '--quiet', '--ff-only', '--no-squash', '--no-autostash', tip], clone.run)
  // Where HEAD is now decides, not the exit code: a user's own merge options may have had their say.
  return (await commitOf(clone.repository, 'HEAD', clone.run.signal ?? new AbortController().signal)) === tip ? null : changed(clone)
}

/** What would keep the work tree from a fast-forward, or null; nothing is touched. */
export async function hindrance(clone: Clone, local: Sha, tip: Sha): Promise<string | null> {
  const busy = atWork(clone)
  if (busy !== null) return busy
  const list = async (...args: string[]): Promise<string[]> => (await git(args, clone.run)).stdout.toString().split('\0').filter(Boolean)
  const mine = await list('status', '--porcelain', '-z', '--no-renames', '--untracked-files=all', '--ignore-submodules')
  if (mine.length === 0) return null
  const theirs = new Set(await list('diff', '--name-only', '-z', '--no-renames', '--no-ext-diff', '--no-textconv', local, tip))
  return mine.some((line) => theirs.has(line.slice(3))) ? changed(clone) : null
}

function atWork({ repository, directory }: Clone): string | null {
  const busy = ['rebase-merge', 'rebase-apply', 'MERGE_HEAD', 'CHERRY_PICK_HEAD', 'REVERT_HEAD', 'BISECT_LOG', 'index.lock'].find((name) =>
    existsSync(join(repository.gitDir, name)),
  )
  return busy === undefined ? null : `the work tree in ${directory} stays: ${busy} says that Git is at work there`
}

function changed({ directory }: Clone): string {
  return `the work tree in ${directory} stays: it has local changes where the new commits write`
}

/** Whether one of these files, where it lies in the clone, is another one in the next commit. */
export async function differs(clone: Clone, old: Sha, next: Sha, files: readonly AbsPath[]): Promise<boolean> {
  const top = realpathSync(clone.directory)
  const paths = files.filter((file) => isWithin(file, top)).map((file) => `:(literal)${relative(top, file)}`)
  if (paths.length === 0) return false
  const args = ['diff', '--quiet', '--no-ext-diff', '--no-textconv', old, next, '--', ...paths]
  return (await git(args, { ...clone.repository, cwd: clone.directory })).code !== 0
}

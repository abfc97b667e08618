import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { isWithin, type Sha } from '../model/path.ts'
import { invocation } from './git.ts'
import type { Repository } from './objects.ts'

/** A commit that brings another config than the one on disk, seen by a run that leaves the work tree where it is. */
export interface Incoming {
  readonly commit: Sha
  /** The commit that is checked out. */
  readonly replaces: Sha
  /** The work tree, a real path. */
  readonly top: string
  readonly repository: Repository
}

/**
 * Reads files of the work tree as they will be at a commit: null for those that will be gone, undefined for what is no part of
 * either commit and stays as it is. It answers at once, as Node's loader of modules wants it. Throws `git`.
 */
export function filesToCome({ commit, replaces, top, repository }: Incoming): (path: string) => Buffer | null | undefined {
  const at = (revision: Sha, path: string): Buffer | null => {
    const { words, env } = invocation(['cat-file', '--batch', '--follow-symlinks'], repository)
    const input = `${revision}:${relative(top, path)}\n`
    const { status, stdout } = spawnSync('git', words, { env, cwd: top, input, maxBuffer: 1 << 28 })
    if (status !== 0) throw new GitopsError('git', `${path} cannot be read as it is in commit ${revision}`)
    const header = /^[0-9a-f]+ blob (\d+)\n/.exec(stdout.subarray(0, 200).toString('latin1'))
    return header === null ? null : stdout.subarray(header[0].length, header[0].length + Number(header[1]))
  }
  const known = new Map<string, Buffer | null | undefined>()
  const read = (path: string): Buffer | null | undefined => {
    if (!isWithin(path, top) || path.includes('\n')) return undefined
    return at(commit, path) ?? (at(replaces, path) === null ? undefined : null)
  }
  return (path) => {
    if (!known.has(path)) known.set(path, read(path))
    return known.get(path)
  }
}

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Config, Source } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { isSha, short, type Sha } from '../model/path.ts'
import { git, lastLines, type GitOptions } from './git.ts'
import { commitOf, isAncestor } from './objects.ts'
import { fetch, fetchedCommit, noSuchRef, trusting, type Pulled, type PullOptions } from './fetch.ts'
import { differs, fastForward, hindrance, type Clone } from './work-tree.ts'

/** Pulls the clone that holds the config: objects come from its own store, and its work tree follows when that disturbs nobody. */
export async function pullSelf(config: Config, source: Source, options: PullOptions): Promise<Pulled> {
  const clone = await open(config, source, options)
  const name = source.ref ?? clone.branch
  const at = (commit: Sha, rest: Partial<Pulled> = {}): Pulled => ({
    commit,
    repository: clone.repository,
    ref: name ?? 'HEAD',
    moved: false,
    incoming: null,
    note: null,
    problem: null,
    ...rest,
  })
  const here = (ref: string): Promise<Sha | null> => commitOf(clone.repository, ref, options.signal)
  if (name === null || isSha(name)) {
    const commit = (await here(name ?? 'HEAD')) ?? (name === null ? null : await bring(clone, source, name, options))
    if (commit === null) throw noSuchRef(source, clone.directory)
    return at(commit, name === null ? { note: 'detached HEAD, nothing to pull' } : {})
  }
  const local = await here(`refs/heads/${name}`)
  const tip = await upstreamTip(clone, source, name, options)
  if (tip === null) {
    const commit = local ?? (await here(`refs/tags/${name}`))
    if (commit === null) throw noSuchRef(source, clone.directory)
    return at(commit)
  }
  if (local === null || local === tip) return at(tip)
  if (await isAncestor(clone.repository, tip, local, options.signal)) return at(local, { note: 'local commits are ahead of the remote' })
  if (!(await isAncestor(clone.repository, local, tip, options.signal))) {
    return at(local, {
      problem: `Diverged: ${name} and its remote have both moved; the local ${short(local)} is used. Merge or rebase in ${clone.directory}`,
    })
  }
  return advance(clone, config, name, local, tip, options, at)
}

/** A commit that this clone lacks, a shallow one perhaps, from its origin; null when that has no such commit either. */
async function bring(clone: Clone, source: Source, commit: Sha, options: PullOptions): Promise<Sha | null> {
  if (!options.fetch || !(await settingsOf(clone, '')).has('origin')) return null
  // Under a ref, or Git would collect it.
  await fetch(source, ['origin', `+${commit}:refs/gitops/${commit}`], clone.run)
  return commitOf(clone.repository, commit, options.signal)
}

async function open(config: Config, source: Source, options: PullOptions): Promise<Clone> {
  const directory = source.directory ?? config.directory
  const top = existsSync(directory) ? topOf(directory) : null
  if (top === null) {
    throw new GitopsError('config', `sources.${source.name}.repo is '.', but ${directory} is not in a Git repository`, {
      hint: 'Run `git init` and commit there, or name the repository by its URL.',
    })
  }
  const trust = trusting(top, config.state, config.home)
  const run: GitOptions = { cwd: top, asUser: true, config: trust, signal: options.signal }
  const asked = await git(['rev-parse', '--absolute-git-dir', '--symbolic-full-name', 'HEAD'], {
    cwd: top,
    config: trust,
    signal: options.signal,
  })
  const [gitDir = '', head = ''] = asked.stdout.toString().split('\n')
  if (gitDir === '') throw new GitopsError('git', `${top} cannot be read as a repository: ${lastLines(asked.stderr)}`)
  const branch = /^refs\/heads\/(.+)$/.exec(head)?.[1] ?? null
  return { directory: top, repository: { gitDir, config: trust }, run, branch }
}

/** The nearest directory from `start` upward that is a repository, or null. */
export function topOf(start: string): string | null {
  for (let directory = start; ; directory = join(directory, '..')) {
    if (existsSync(join(directory, '.git')) || isBare(directory)) return directory
    if (join(directory, '..') === directory) return null
  }
}

/** Where a work tree keeps what is its own: below `.git`, where a linked work tree's file points, or here when bare. */
export function gitDirOf(top: string): string {
  const dotGit = join(top, '.git')
  if (!existsSync(dotGit)) return top
  const pointer = statSync(dotGit).isFile() ? /^gitdir: (.+?)\s*$/.exec(readFileSync(dotGit, 'utf8'))?.[1] : undefined
  return pointer === undefined ? dotGit : resolve(top, pointer)
}

function isBare(directory: string): boolean {
  return existsSync(join(directory, 'HEAD')) && existsSync(join(directory, 'objects')) && existsSync(join(directory, 'refs'))
}

/** The commit of the ref at its remote, or null when it has none: then the clone itself is the desired state. */
async function upstreamTip(clone: Clone, source: Source, name: string, options: PullOptions): Promise<Sha | null> {
  const settings = await settingsOf(clone, name)
  const configured = settings.get('remote') ?? null
  // A branch that was never published has no remote; only a ref that the config names is looked for at origin.
  const remote = configured ?? (source.ref !== null && settings.has('origin') ? 'origin' : null)
  if (remote === null || remote === '.') return null
  const theirs = (configured === null ? undefined : settings.get('merge')) ?? `refs/heads/${name}`
  const tracking = `refs/remotes/${remote}/${name}`
  if (!options.fetch) return commitOf(clone.repository, tracking, options.signal)
  if ((await fetch(source, [remote, `+${theirs}:${tracking}`], clone.run)) !== 'done')
    return tagTip(clone, source, name, remote, configured === null, options)
  const tip = await commitOf(clone.repository, tracking, options.signal)
  if (tip === null || tip !== fetchedCommit(clone.repository.gitDir)) {
    throw new GitopsError('git', `source ${source.name}: the fetch left ${tracking} behind`, {
      hint: `Run \`git fetch\` in ${clone.directory} and see what it says.`,
    })
  }
  return tip
}

/** The `remote` and `merge` settings of a branch, and whether there is an `origin`, in one question. */
async function settingsOf(clone: Clone, name: string): Promise<Map<string, string>> {
  const { stdout } = await git(['config', '--null', '--get-regexp', '^(branch\\..*\\.(remote|merge)|remote\\.origin\\.url)$'], clone.run)
  const all = stdout
    .toString()
    .split('\0')
    .map((entry) => entry.split('\n'))
  const prefix = `branch.${name}.`
  return new Map(
    all.flatMap(([key = '', value = '']) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : key === 'remote.origin.url' ? [['origin', value]] : [],
    ),
  )
}

/** The ref is no branch at the remote: a tag then, for a ref that the config names; a checked-out branch that was deleted there is local. */
async function tagTip(
  clone: Clone,
  source: Source,
  name: string,
  remote: string,
  unpublished: boolean,
  options: PullOptions,
): Promise<Sha | null> {
  if (source.ref === null) return null
  if ((await fetch(source, [remote, `+refs/tags/${name}:refs/tags/${name}`], clone.run)) === 'done') {
    return commitOf(clone.repository, `refs/tags/${name}`, options.signal)
  }
  if (unpublished && (await commitOf(clone.repository, `refs/heads/${name}`, options.signal)) !== null) return null
  throw noSuchRef(source, remote)
}

type At = (commit: Sha, rest?: Partial<Pulled>) => Pulled

/** The remote is ahead: the work tree follows, or stays and says why. */
async function advance(clone: Clone, config: Config, name: string, local: Sha, tip: Sha, options: PullOptions, at: At): Promise<Pulled> {
  if (clone.branch !== name) return at(tip)
  const why = options.move ? await fastForward(clone, tip) : null
  if (options.move && why === null) return at(tip, { moved: true })
  const another = await differs(clone, local, tip, config.modules)
  if (!another) return at(tip, { note: why })
  const stays = why ?? (await hindrance(clone, local, tip))
  // Config and content come from one commit: the config on disk is the local one's.
  if (stays !== null) return at(local, { problem: `Behind: ${stays}, and the config changed upstream; the local ${short(local)} is used` })
  return at(tip, { incoming: { commit: tip, replaces: local, top: realpathSync(clone.directory), repository: clone.repository } })
}

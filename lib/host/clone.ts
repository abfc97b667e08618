import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config, Source } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { isSha, type Sha } from '../model/path.ts'
import { git, gitText, redact, type GitOptions } from './git.ts'
import { commitOf, hasCommit, isAncestor, type Repository } from './objects.ts'
import { fetch, fetchedCommit, noSuchRef, trusting, type Pulled, type PullOptions } from './fetch.ts'
import { shortHash } from './hash.ts'
import { withoutUserName } from './user-name.ts'

/** Pulls a remote or local repository into a private bare clone below the state directory. */
export async function pullRemote(config: Config, source: Source, options: PullOptions): Promise<Pulled> {
  const gitDir = join(config.state, 'sources', `${shortHash(source.directory ?? source.repo)}.git`)
  if (!options.fetch) return offline({ gitDir, config: null }, source, options)
  const known = existsSync(gitDir)
  const format = source.ref?.length === 64 && isSha(source.ref) ? 'sha256' : 'sha1'
  try {
    return await pullInto(gitDir, config, source, options, format)
  } catch (error) {
    // The clone is only a cache: one that a crash or a bad disk has damaged is made anew, once.
    const theirs = /mismatched algorithms: client \w+; server (\w+)/.exec(String(error))?.[1]
    if (theirs === undefined && !(known && (await isDamaged(gitDir, error, options.signal)))) throw error
    return anew(gitDir, () => pullInto(gitDir, config, source, options, theirs ?? format))
  }
}

/** Pulls into a new clone. Where that fails the old one is back: drift is healed from what it still has. */
async function anew(gitDir: string, into: () => Promise<Pulled>): Promise<Pulled> {
  const old = oldOf(gitDir)
  rmSync(old, { recursive: true, force: true })
  renameSync(gitDir, old)
  try {
    const pulled = await into()
    rmSync(old, { recursive: true, force: true })
    return pulled
  } catch (error) {
    rmSync(gitDir, { recursive: true, force: true })
    renameSync(old, gitDir)
    throw error
  }
}

function oldOf(gitDir: string): string {
  return `${gitDir}.old`
}

/** Whether the clone is why a pull failed. A remote that sends garbage makes Git say the same, so the clone itself is asked. */
async function isDamaged(gitDir: string, error: unknown, signal: AbortSignal): Promise<boolean> {
  const told = /corrupt|bad (?:object|config)|not a git repository|is empty|invalid sha1 pointer|unable to read/i.test(String(error))
  const may = told || !(error instanceof GitopsError) || error.code === 'no-such-ref' || error.code === 'git'
  return may && !signal.aborted && !(await isSound(gitDir, signal))
}

async function isSound(gitDir: string, signal: AbortSignal): Promise<boolean> {
  return (await git(['fsck', '--no-dangling', '--no-progress'], { gitDir, signal, timeout: 600_000 })).code === 0
}

/** After objects of a source could not be read: a private clone that is damaged goes, and the next run makes it anew. */
export async function discardIfDamaged({ gitDir }: Repository, signal: AbortSignal): Promise<void> {
  if (!(await isSound(gitDir, signal))) rmSync(gitDir, { recursive: true, force: true })
}

async function pullInto(gitDir: string, config: Config, source: Source, options: PullOptions, format: string): Promise<Pulled> {
  await prepare(gitDir, format, options.signal)
  if (source.directory !== null && !existsSync(source.directory)) {
    throw new GitopsError('unreachable', `source ${source.name}: ${source.directory} does not exist`, {
      hint: `Mend sources.${source.name}.repo in the config.`,
    })
  }
  const trust = source.directory === null ? null : trusting(source.directory, config.state, config.home)
  const repository: Repository = { gitDir, config: null }
  const { url, env } = withoutUserName(source.repo, process.env)
  const from = source.directory ?? url
  const run: GitOptions = { gitDir, config: trust, signal: options.signal, env }
  const at = (commit: Sha, ref: string): Pulled => ({ commit, repository, ref, moved: false, incoming: null, note: null, problem: null })
  const found = async (name: string, ref: string): Promise<Pulled> => {
    const commit = await commitOf(repository, name, options.signal)
    if (commit === null) throw noSuchRef(source, redact(source.repo))
    return at(commit, ref)
  }
  if (source.ref !== null && isSha(source.ref))
    return found(await bringCommit(source.ref, source, from, run, repository, options), 'commit')
  for (const name of candidates(source.ref)) {
    const kept = keptRef(name)
    const before = looseRef(gitDir, kept)
    if ((await fetch(source, ['--force', from, `+${name}:${kept}`], run)) !== 'done') continue
    const [came, now] = [fetchedCommit(gitDir), looseRef(gitDir, kept)]
    const ref = shown(name)
    // Nothing new on a branch, which is nearly always: Git has no more to tell.
    if (now !== null && now === before && now === came && name.startsWith('refs/heads/')) return at(now, ref)
    const pulled = await found(kept, ref)
    // A fetch that leaves our ref behind is an error, whatever its exit code. A tag comes as an object that points to the commit.
    const brought = came === null ? null : await commitOf(repository, came, options.signal)
    if (brought !== pulled.commit) throw new GitopsError('git', `source ${source.name}: the fetch left ${ref} behind`)
    const rewritten = before !== null && before !== pulled.commit && !(await isAncestor(repository, before, pulled.commit, options.signal))
    return rewritten ? { ...pulled, note: `history of ${ref} was rewritten` } : pulled
  }
  throw noSuchRef(source, redact(source.repo))
}

/** A ref of ours as it stands in its file; null when it is packed or not there. */
function looseRef(gitDir: string, name: string): Sha | null {
  const path = join(gitDir, name)
  const text = existsSync(path) ? readFileSync(path, 'latin1').trim() : ''
  return isSha(text) ? text : null
}

/** Brings one commit; a commit that is here already needs no network. */
async function bringCommit(
  commit: Sha,
  source: Source,
  from: string,
  run: GitOptions,
  repository: Repository,
  options: PullOptions,
): Promise<string> {
  if (await hasCommit(repository, commit, options.signal)) return commit
  const kept = keptRef(commit)
  if ((await fetch(source, ['--force', from, `+${commit}:${kept}`], run)) === 'done') return commit
  // The server gives no single commits: everything that is reachable, then.
  await fetch(source, ['--force', from, '+refs/heads/*:refs/gitops/all/heads/*', '+refs/tags/*:refs/gitops/all/tags/*'], run)
  return commit
}

async function offline(repository: Repository, source: Source, options: PullOptions): Promise<Pulled> {
  const names = source.ref !== null && isSha(source.ref) ? [source.ref] : candidates(source.ref).map(keptRef)
  for (const name of existsSync(repository.gitDir) ? names : []) {
    const commit = await commitOf(repository, name, options.signal)
    if (commit !== null) return { commit, repository, ref: source.ref ?? 'HEAD', moved: false, incoming: null, note: null, problem: null }
  }
  throw new GitopsError('no-such-ref', `source ${source.name} was never fetched`, {
    hint: 'Run `gitops reconcile`, or `gitops status --fetch`.',
  })
}

/** Keeps the objects of a commit that a person wants from being collected, also when no branch leads to it any more. */
export async function keepPinned({ gitDir }: Repository, commit: Sha): Promise<void> {
  await gitText(['update-ref', 'refs/gitops/pinned', commit], { gitDir })
}

/** Keeps the objects of a commit from being collected while it is what is applied, and lets Git tidy up when there is much. */
export async function protect(repository: Repository, commit: Sha, signal: AbortSignal): Promise<void> {
  await gitText(['update-ref', 'refs/gitops/applied', commit], { gitDir: repository.gitDir })
  try {
    await git(['gc', '--auto', '--quiet'], { gitDir: repository.gitDir, signal, timeout: 600_000 })
  } catch (error) {
    // What was applied stays applied, whatever interrupts the tidying.
    if (!signal.aborted) throw error
  }
}

/** The full names a short ref may have, the likeliest first. */
function candidates(ref: string | null): string[] {
  if (ref === null) return ['HEAD']
  return ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`]
}

function keptRef(name: string): string {
  return `refs/gitops/ref-${shortHash(name)}`
}

function shown(name: string): string {
  return name.replace(/^refs\/(?:heads|tags)\//, '')
}

async function prepare(gitDir: string, format: string, signal: AbortSignal): Promise<void> {
  if (existsSync(join(gitDir, 'HEAD'))) {
    // Only we write here, and we hold the run lock: a lock file was left by a killed Git.
    for (const directory of ['', 'objects/pack', 'objects/info', 'refs/gitops', 'refs/gitops/all']) removeLocks(join(gitDir, directory))
    return
  }
  mkdirSync(dirname(gitDir), { recursive: true, mode: 0o700 })
  const fresh = `${gitDir}.new`
  rmSync(fresh, { recursive: true, force: true })
  rmSync(gitDir, { recursive: true, force: true })
  // Whatever the umask: a private source is for its reader alone.
  await gitText(['init', '--quiet', '--bare', '--shared=0600', '--template=', `--object-format=${format}`, fresh], { signal })
  // This one Git makes by the umask.
  writeFileSync(join(fresh, 'FETCH_HEAD'), '', { mode: 0o600 })
  renameSync(fresh, gitDir)
}

function removeLocks(directory: string): void {
  for (const name of existsSync(directory) ? readdirSync(directory) : [])
    if (name.endsWith('.lock')) rmSync(join(directory, name), { force: true })
}

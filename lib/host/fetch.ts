import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Source } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath, Sha } from '../model/path.ts'
import { git, lastLines, type GitOptions } from './git.ts'
import { shortHash } from './hash.ts'
import type { Incoming } from './incoming.ts'
import type { Repository } from './objects.ts'
import { writeAtomic } from './write.ts'

/** A source's ref, turned into a commit whose objects are here. */
export interface Pulled {
  readonly commit: Sha
  readonly repository: Repository
  /** What the ref was taken to be, for people: a branch, a tag, `HEAD`. */
  readonly ref: string
  /** True when the self source's work tree, and so perhaps the config, is no longer what it was. */
  readonly moved: boolean
  /** What a run that moves nothing must read its config from; null when that is what is on disk. */
  readonly incoming: Incoming | null
  /** Something a person should know, such as local commits ahead; null when there is nothing. */
  readonly note: string | null
  /** A state that somebody must mend, such as a diverged branch. */
  readonly problem: string | null
}

/** How far a pull may go. */
export interface PullOptions {
  /** False: only what was fetched earlier. */
  readonly fetch: boolean
  /** Whether the self source's work tree may be fast-forwarded. */
  readonly move: boolean
  readonly signal: AbortSignal
}

/**
 * A configuration that trusts one directory of another owner and includes the user's own; null when the directory is ours.
 * Git takes `safe.directory` from no other place.
 */
export function trusting(directory: string, state: AbsPath, home: string): string | null {
  const uid = process.getuid?.()
  const real = existsSync(directory) ? realpathSync(directory) : directory
  const places = [...new Set([directory, real, join(directory, '.git'), join(real, '.git')])]
  const owners = places.map((path) => statSync(path, { throwIfNoEntry: false })?.uid)
  if (uid === undefined || owners.every((owner) => owner === undefined || owner === uid)) return null
  const path = join(state, `git-${shortHash(directory)}.config`)
  const { GIT_CONFIG_GLOBAL: named, HOME: user = home, XDG_CONFIG_HOME: settings } = process.env
  // The two files that Git reads where none is named, in its order.
  const theirs = named === undefined ? [join(settings || join(user, '.config'), 'git/config'), join(user, '.gitconfig')] : [named]
  const line = (key: string, text: string): string => `\t${key} = "${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"\n`
  const lines = (key: string, all: readonly string[]): string => all.map((each) => line(key, each)).join('')
  writeAtomic(path, `[include]\n${lines('path', theirs)}[safe]\n${lines('directory', places)}`, false)
  return path
}

/** What a fetch did: it brought the ref, the remote has no such ref, or it will not give that object. */
export type Fetched = 'done' | 'no-such-ref' | 'not-offered'

/** Runs one fetch as the user. Throws `unreachable` with what Git said. */
export async function fetch(source: Source, args: readonly string[], options: GitOptions): Promise<Fetched> {
  const local = source.kind === 'url' ? 'protocol.file.allow=never' : 'protocol.file.allow=always'
  const pins = source.kind === 'self' ? [] : [local, `fetch.fsckObjects=${source.fsck}`]
  const result = await git(['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-auto-maintenance', ...args], {
    ...options,
    asUser: true,
    pins,
    timeout: source.timeout,
  })
  if (result.code === 0) return 'done'
  if (/couldn't find remote ref|no such remote ref/i.test(result.stderr)) return 'no-such-ref'
  if (/not our ref|unadvertised object|no such remote ref|did not send all necessary objects/i.test(result.stderr)) return 'not-offered'
  if (/fsck error|hasDot|badTree|fullPathname/i.test(result.stderr)) {
    throw new GitopsError('hostile', `source ${source.name} holds an object that Git's own check refuses: ${lastLines(result.stderr)}`, {
      hint: 'If it is only an old history with harmless faults, say `fsck: false` in the source.',
    })
  }
  throw new GitopsError('unreachable', `source ${source.name} could not be fetched: ${lastLines(result.stderr)}`, {
    hint: 'See that `git fetch` reaches it as this user, without a prompt.',
  })
}

/** The ref a source names is nowhere. */
export function noSuchRef(source: Source, where: string): GitopsError {
  return new GitopsError(
    'no-such-ref',
    `source ${source.name}: there is no branch, tag or commit ${JSON.stringify(source.ref ?? 'HEAD')} in ${where}`,
    {
      hint: `Mend sources.${source.name}.ref in the config, or push it.`,
    },
  )
}

/** What the last fetch into a repository brought first, or null. */
export function fetchedCommit(gitDir: string): string | null {
  const path = join(gitDir, 'FETCH_HEAD')
  return existsSync(path) ? (/^[0-9a-f]+/.exec(readFileSync(path, 'latin1'))?.[0] ?? null) : null
}

/** When a repository last fetched that commit, in ISO 8601; null where its last fetch was about something else, or long ago. */
export function fetchedAt(gitDir: string, commit: Sha): string | null {
  const last = statSync(join(gitDir, 'FETCH_HEAD'), { throwIfNoEntry: false })
  return last !== undefined && fetchedCommit(gitDir) === commit ? last.mtime.toISOString() : null
}

import { GitopsError } from './errors.ts'

/** A `/`-separated path below some root: never empty, never absolute, no `.`, `..` or empty part. */
export type RelPath = string & { readonly __brand: 'RelPath' }
/** An absolute, normalised path on this machine, in the form the operating system uses. */
export type AbsPath = string & { readonly __brand: 'AbsPath' }
/**
 * `sha256:` and the lower-case hex SHA-256 of a file's bytes, or of a link's text. Of a secret it is `hmac-sha256:` and a fingerprint
 * under the host key, so that nobody can guess the secret from it.
 */
export type Digest = string & { readonly __brand: 'Digest' }
/** A full Git object id: 40 or 64 lower-case hex digits. */
export type Sha = string & { readonly __brand: 'Sha' }

const SHA = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/
const DIGEST = /^(?:sha256|hmac-sha256):[0-9a-f]{64}$/

/** The text as a `RelPath`. Throws `hostile` for anything that could leave the root or that no file system can hold. */
export function relPath(text: string): RelPath {
  const parts = text.split('/')
  if (text.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
    throw new GitopsError('hostile', `the path ${JSON.stringify(text)} does not stay below its root`)
  }
  if (parts.some(isGitDirectory)) {
    throw new GitopsError('hostile', `the path ${JSON.stringify(text)} names a .git directory, here or on another machine`)
  }
  return text as RelPath
}

/** `.git` as macOS and Windows read it too: case, invisible characters, trailing dots and blanks, the short name, streams. */
function isGitDirectory(part: string): boolean {
  const plain = part.replace(/[\u200c-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '').replace(/(?::.*|[. ]*)$/, '')
  return /^(?:\.git|git~1)$/i.test(plain)
}

/** The text as an `AbsPath`. Throws `config` when it is not absolute. The caller has normalised it. */
export function absPath(text: string): AbsPath {
  if (!/^(?:\/|[A-Za-z]:[\\/]|\\\\)/.test(text) || text.includes('\0')) {
    throw new GitopsError('config', `${JSON.stringify(text)} is not an absolute path`)
  }
  return text as AbsPath
}

/** The text as a `Sha`. Throws `git` when it is not a full object id. */
export function sha(text: string): Sha {
  if (!isSha(text)) throw new GitopsError('git', `Git answered ${JSON.stringify(text)} where an object id was expected`)
  return text
}

/** Whether the text is a full object id. */
export function isSha(text: string): text is Sha {
  return SHA.test(text)
}

/** The text as a `Digest`. Throws `io`, for it can only come from our own state. */
export function digest(text: string): Digest {
  if (!DIGEST.test(text)) throw new GitopsError('io', `${JSON.stringify(text)} is not a digest`)
  return text as Digest
}

/** Whether a digest is a secret's: keyed, and its kept copy sealed. */
export function isKeyed(digest: Digest): boolean {
  return digest.startsWith('hmac-')
}

/** `root/path`, both already checked. */
export function under(root: AbsPath, path: RelPath): AbsPath {
  return (root.endsWith('/') ? root + path : `${root}/${path}`) as AbsPath
}

/** The directory a relative path lies in, or null at the top. */
export function parent(path: RelPath): RelPath | null {
  const cut = path.lastIndexOf('/')
  return cut < 0 ? null : (path.slice(0, cut) as RelPath)
}

/** Every directory above a relative path, outermost first. */
export function ancestors(path: RelPath): RelPath[] {
  const above = parent(path)
  return above === null ? [] : [...ancestors(above), above]
}

/** Whether `path` is `root` or lies below it. */
export function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`)
}

/** A commit id as people read it. */
export function short(commit: string): string {
  return commit.slice(0, 7)
}

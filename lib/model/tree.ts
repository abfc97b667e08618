import type { CoOwnership } from './lists.ts'
import type { Digest, RelPath, Sha } from './path.ts'

/** Whose a file is, where that is not who runs us. */
interface OwnedBy {
  readonly owner?: { readonly uid: number; readonly gid: number }
}

/** A file or a link, by what makes two of them equal, and whose a file is. `digest` of a link is over its text. */
export type Node =
  | ({ readonly kind: 'file'; readonly digest: Digest; readonly mode: number } & OwnedBy)
  | { readonly kind: 'link'; readonly digest: Digest }

/** Where the bytes of a wanted entry come from. */
export type Content =
  | { readonly kind: 'git'; readonly source: string; readonly oid: Sha }
  | { readonly kind: 'kept'; readonly digest: Digest }

/** One entry that a revision asks for. `mode` is null unless the config declares full permission bits. */
export interface Wanted extends OwnedBy {
  readonly kind: 'file' | 'link'
  readonly digest: Digest
  readonly executable: boolean
  readonly mode: number | null
  readonly content: Content
  /** Only its keys are to be ours, in a document that somebody else writes too. Absent: the whole file. */
  readonly as?: CoOwnership
}

/** What lstat said when an entry was last known to hold its digest. */
export interface Stat {
  readonly size: number
  readonly mtime: number
  readonly ctime: number
  readonly ino: number
}

/** One entry that we wrote or adopted. `oid` maps a Git object to the digest without reading it again. */
export interface Owned {
  readonly kind: 'file' | 'link'
  readonly digest: Digest
  readonly executable: boolean
  readonly mode: number | null
  readonly oid: Sha | null
  readonly stat: Stat | null
  /** What we own in a document that somebody else writes too; its digest is that of our version. Absent: the whole file is ours. */
  readonly keys?: OwnedKeys
}

/** Our keys in a co-owned document. */
export interface OwnedKeys {
  readonly as: CoOwnership
  /** What stood under our keys before we first set them: a kept record. */
  readonly prior: Digest | null
  /** What we wrote last under keys that stay as somebody has changed them: a kept record. Absent where there are none. */
  readonly last?: Digest
  /** Whether the document was not there before us. */
  readonly made: boolean
  /** The permission bits that it had before us, or null. */
  readonly mode: number | null
}

/** What a document is made of that gets keys from a plain file: its object, and of the encrypted file the object and the fingerprint of its plaintext. */
export interface Parts {
  readonly plain: Sha | null
  readonly cipher: { readonly oid: Sha; readonly digest: Digest } | null
}

/** What is on disk at one path; absent paths are not in the map. `stat` is null when it is too young to be trusted later. */
export type Present =
  | ({ readonly kind: 'file'; readonly digest: Digest; readonly mode: number; readonly stat: Stat | null } & OwnedBy)
  | { readonly kind: 'link'; readonly digest: Digest; readonly stat: Stat | null }
  /** A directory where a file is expected; `foreign` is a path in it that is not ours, or null. */
  | { readonly kind: 'directory'; readonly foreign: string | null }
  /** A socket, device or pipe. */
  | { readonly kind: 'special' }
  /** The entry cannot be reached: `by` is a link or a file that stands where one of its directories should be. */
  | { readonly kind: 'blocked'; readonly by: RelPath; readonly link: boolean }

/** Entries by their path below a root. */
export type Tree<T> = ReadonlyMap<RelPath, T>

/** Whether permission bits let the owner execute. */
export function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0
}

/** The permission bits with the executable bits set wherever the readable ones are, or cleared. */
export function withExecutable(mode: number, executable: boolean): number {
  return executable ? mode | ((mode & 0o444) >> 2) : mode & ~0o111
}

/** Whether what is on disk is what is wanted or owned: type, content, executable bit, and the full mode only where one is declared. */
export function matches(present: Present | Node | undefined, want: Pick<Wanted, 'kind' | 'digest' | 'executable' | 'mode'>): boolean {
  if (present === undefined) return false
  if (present.kind === 'link') return want.kind === 'link' && present.digest === want.digest
  if (present.kind !== 'file' || want.kind !== 'file' || present.digest !== want.digest) return false
  return want.mode === null ? isExecutable(present.mode) === want.executable : present.mode === want.mode
}

/** The node of what is live. */
export function nodeOf(live: Extract<Present, { kind: 'file' | 'link' }>): Node {
  if (live.kind === 'link') return { kind: 'link', digest: live.digest }
  const { kind, digest, mode, owner } = live
  return { kind, digest, mode, ...(owner !== undefined && { owner }) }
}

/** What was there before us, as an entry that is wanted again. */
export function asWanted(original: Node): Wanted {
  const mode = original.kind === 'file' ? original.mode : null
  return {
    kind: original.kind,
    digest: original.digest,
    executable: mode !== null && isExecutable(mode),
    mode,
    content: { kind: 'kept', digest: original.digest },
    ...(original.kind === 'file' && original.owner !== undefined && { owner: original.owner }),
  }
}

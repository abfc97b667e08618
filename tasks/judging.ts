import { blobs, type TreeEntry } from '../lib/host/objects.ts'
import type { JudgedTree } from '../lib/host/judged-tree.ts'
import type { Machine } from '../lib/host/machine.ts'
import type { Config, SecretFile, Target } from '../lib/model/config.ts'
import type { Finding } from '../lib/model/finding.ts'
import { relPath, type RelPath, type Sha } from '../lib/model/path.ts'

/** What is judged, and all that is known of it before a file is read. */
export interface Gate {
  /** Null where there is none, or none that loads: then only what needs no config is judged. */
  readonly config: Config | null
  readonly machine: Machine
  readonly judged: JudgedTree
  readonly signal: AbortSignal
  /** Every file of the tree. */
  readonly entries: readonly TreeEntry[]
  /** What the judged commits bring that is not in the tree any more. */
  readonly added: readonly (TreeEntry & { readonly commit: Sha })[]
  /** The sources of the config that this repository is. */
  readonly sources: readonly string[]
  /** What the targets of these sources take. */
  readonly targets: readonly GateTarget[]
  /** The secret files of these sources. */
  readonly secrets: readonly SecretFile[]
  /** Whether a rule about one file looks at this one: all of them, or what is staged. */
  readonly looksAt: (path: RelPath) => boolean
  /** Tells a person what was not judged, and why. */
  readonly say: (sentence: string) => void
}

/** What a target takes of the tree. */
export interface GateTarget {
  readonly target: Target
  /** Whether the tree has the directory that it takes from. */
  readonly there: boolean
  /** Their paths are relative to the target. */
  readonly entries: readonly TreeEntry[]
  /** Where a path of the target lies in the repository. */
  readonly at: (path: RelPath) => RelPath
}

/** A rule over the whole tree. */
export type Rule = (gate: Gate) => Promise<readonly Finding[]> | readonly Finding[]

/** A rule over the content of files, each of which is read once for all rules. */
export interface Reader {
  /** Whether it wants to see a file, a link or a submodule that the tree has. */
  readonly wants: (entry: TreeEntry) => boolean
  readonly judge: (entry: TreeEntry, bytes: Buffer) => Promise<readonly Finding[]> | readonly Finding[]
  /** What is known when all are read. */
  readonly end?: () => Promise<readonly Finding[]> | readonly Finding[]
}

/** Makes a reader for a tree; null where it has nothing to look at. */
export type Reading = (gate: Gate) => Promise<Reader | null> | Reader | null

/** The content of entries of the tree, in order, by one process. */
export async function* contentOf<Entry extends TreeEntry>(
  { judged, signal }: Pick<Gate, 'judged' | 'signal'>,
  entries: readonly Entry[],
): AsyncGenerator<readonly [Entry, Buffer]> {
  const readable = entries.filter(({ type }) => type !== 'submodule')
  const oids: Sha[] = readable.map(({ oid }) => oid)
  let index = 0
  for await (const bytes of blobs(judged.repository, oids, signal)) yield [readable[index++] as Entry, bytes]
}

/** What the targets of some sources take of their tree. */
export function takenBy(config: Config, sources: readonly string[], entries: readonly TreeEntry[]): GateTarget[] {
  return config.targets.filter(({ source }) => sources.includes(source)).map((target) => taken(target, config, entries))
}

/** What a target takes: a secret's ciphertext is never copied as a file, nor are keys for a document. */
function taken(target: Target, config: Config, entries: readonly TreeEntry[]): GateTarget {
  const prefix = target.from === null ? '' : `${target.from}/`
  const others = new Set(config.secrets.filter(({ source }) => source === target.source).flatMap(({ from, plain }) => [from, plain]))
  return {
    target,
    there: prefix === '' || entries.some(({ path }) => path.startsWith(prefix)),
    at: (path) => `${prefix}${path}` as RelPath,
    entries: entries.flatMap((entry) => {
      if (!entry.path.startsWith(prefix) || others.has(entry.path)) return []
      const path = relPath(entry.path.slice(prefix.length))
      return target.accepts(path) ? [{ ...entry, path }] : []
    }),
  }
}

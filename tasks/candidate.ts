import type { JudgedTree } from '../lib/host/judged-tree.ts'
import { listTree } from '../lib/host/objects.ts'
import type { Config } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import { contentOf, takenBy, type GateTarget } from './judging.ts'
import { ownSources } from './own-sources.ts'
import { permissions } from './wanted.ts'

/** A file that a host would get. */
export interface CandidateFile {
  /** Where it would live. */
  readonly path: AbsPath
  /** Where it is in the repository. */
  readonly from: RelPath
  /** The target, or the document, that brings it. */
  readonly target: string
  readonly kind: 'file' | 'link'
  /** Its content as UTF-8; of a link where it points. */
  readonly text: string
  /** Permission bits, before the umask of the host; null for a link. */
  readonly mode: number | null
  /** Whether only its keys would be set, in a document that an application writes too. */
  readonly merged: boolean
}

/** What a host would get of the judged tree. Of secrets there are names and places only. */
export interface Candidate {
  readonly files: readonly CandidateFile[]
  readonly secrets: readonly { readonly name: string; readonly path: AbsPath }[]
}

/** What the config gives to the host that it was read for. Throws `usage` where no source of it is this repository. */
export async function candidateOf(config: Config, judged: JudgedTree, signal: AbortSignal): Promise<Candidate> {
  const { names, findings } = await ownSources(config, judged, null)
  const [wrong] = findings
  if (wrong !== undefined) throw new GitopsError('usage', wrong.message)
  const entries = (await listTree(judged.repository, judged.tree, null, signal)) ?? []
  const files: CandidateFile[] = []
  for (const target of takenBy(config, names, entries)) files.push(...(await filesOf(target, judged, signal)))
  const own = config.secrets.filter(({ source }) => names.includes(source))
  for (const { name, plain, to } of own)
    for await (const [, bytes] of contentOf(
      { judged, signal },
      entries.filter(({ path }) => path === plain),
    ))
      files.push({ path: to, from: plain as RelPath, target: name, kind: 'file', text: bytes.toString(), mode: 0o600, merged: true })
  return {
    files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    secrets: own.flatMap(({ name, from, to }) => (from === null ? [] : [{ name, path: to }])),
  }
}

async function filesOf({ target, entries, at }: GateTarget, judged: JudgedTree, signal: AbortSignal): Promise<CandidateFile[]> {
  const files: CandidateFile[] = []
  for await (const [entry, bytes] of contentOf({ judged, signal }, entries)) {
    const { type } = entry
    const { mode, executable } = permissions(entry, target)
    files.push({
      path: under(target.to, entry.path),
      from: at(entry.path),
      target: target.name,
      kind: type === 'link' ? 'link' : 'file',
      text: bytes.toString(),
      mode: type === 'link' ? null : (mode ?? (executable ? 0o755 : 0o644)),
      merged: type !== 'link' && target.mergeOf(entry.path) !== null,
    })
  }
  return files
}

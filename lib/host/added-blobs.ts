import { GitopsError } from '../model/errors.ts'
import { relPath, sha, type RelPath, type Sha } from '../model/path.ts'
import { git, lastLines } from './git.ts'
import type { Repository } from './objects.ts'

/** A blob that a commit adds to the history. */
export interface AddedBlob {
  readonly commit: Sha
  readonly path: RelPath
  readonly oid: Sha
}

/** The commits of a range: all of `to` that are not of `from`, nor of what is known to be at a remote. */
export interface Range {
  readonly from: Sha | null
  readonly to: Sha
  /** Whose branches are known already; null for no remote. */
  readonly remote?: string | null
}

const LONGEST_LOG = 600_000

/**
 * Every file content that a commit of the range brings, the oldest first, each once: what a later commit takes out again is there, too. Of a
 * merge only what none of its parents has. Throws `git`.
 */
export async function addedBlobs(repository: Repository, { from, to, remote }: Range, signal: AbortSignal): Promise<readonly AddedBlob[]> {
  const without = [...(from === null ? [] : [from]), ...(remote == null ? [] : [`--remotes=${remote}`])]
  const args = [
    'log',
    '--reverse',
    '--topo-order',
    '-c',
    '--root',
    '--raw',
    '-z',
    '--no-abbrev',
    '--no-renames',
    '--no-show-signature',
    '--format=%x01%H',
  ]
  const { code, stdout, stderr } = await git([...args, to, ...(without.length > 0 ? ['--not', ...without] : []), '--'], {
    ...repository,
    timeout: LONGEST_LOG,
    signal,
  })
  if (code !== 0) throw new GitopsError('git', `the commits that are judged cannot be read: ${lastLines(stderr)}`)
  return parse(stdout.toString('utf8'))
}

function parse(text: string): AddedBlob[] {
  const found = new Map<string, AddedBlob>()
  let commit = ''
  const fields = text.split('\0')
  for (let at = 0; at < fields.length; at += 1) {
    const field = (fields[at] ?? '').replace(/^\n/, '')
    if (field.startsWith('\u0001')) {
      commit = field.slice(1, 65).replace(/[^0-9a-f].*$/s, '')
      continue
    }
    const [, colons = '', modes = ''] = /^(:+)(.+)$/s.exec(field) ?? []
    if (colons === '') continue
    // One mode and one id for each parent, then its own.
    const words = modes.split(' ')
    const mode = words[colons.length] ?? ''
    const oid = words[2 * colons.length + 1] ?? ''
    at += 1
    const path = fields[at] ?? ''
    if (!mode.startsWith('100') || found.has(`${oid} ${path}`)) continue
    found.set(`${oid} ${path}`, { commit: sha(commit), path: relPath(path), oid: sha(oid) })
  }
  return [...found.values()]
}

import { once } from 'node:events'
import { GitopsError } from '../model/errors.ts'
import { isSha, relPath, sha, type RelPath, type Sha } from '../model/path.ts'
import { ended, git, killTree, lastLines, start } from './git.ts'

/** A repository whose objects can be read, with the generated configuration that a stranger's repository needs. */
export interface Repository {
  readonly gitDir: string
  readonly config: string | null
}

/** One entry of a commit's tree as Git stores it; `path` is relative to the listed directory. */
export interface TreeEntry {
  readonly path: RelPath
  readonly type: 'file' | 'executable' | 'link' | 'submodule'
  readonly oid: Sha
}

/** One blob may have this many bytes. */
const LARGEST = 256 * 1024 * 1024
/** One listing may have this many entries. */
const MOST = 1_000_000

/** Every file of a directory of a commit, or null when the commit has no such directory. Throws `hostile` for names that no safe tree has. */
export async function listTree(
  repository: Repository,
  commit: Sha,
  from: RelPath | null,
  signal: AbortSignal,
): Promise<readonly TreeEntry[] | null> {
  const tree = from === null ? commit : `${commit}:${from}`
  const { code, stdout, stderr } = await git(['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', tree], { ...repository, signal })
  if (code !== 0) {
    if (/Not a valid object name|not a tree object/.test(stderr) && (await hasCommit(repository, commit, signal))) return null
    throw new GitopsError('git', `the tree of commit ${commit} cannot be read: ${lastLines(stderr)}`)
  }
  const entries: TreeEntry[] = []
  for (let at = 0; at < stdout.length;) {
    const end = stdout.indexOf(0, at)
    entries.push(entryOf(stdout.subarray(at, end)))
    if (entries.length > MOST) throw new GitopsError('hostile', `commit ${commit} has more than ${MOST} files`)
    at = end + 1
  }
  return entries
}

const TYPES: Readonly<Record<string, TreeEntry['type']>> = {
  '100644': 'file',
  '100664': 'file',
  '100755': 'executable',
  '120000': 'link',
  '160000': 'submodule',
}
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function entryOf(line: Buffer): TreeEntry {
  const tab = line.indexOf(9)
  const [mode = '', , oid = ''] = line.subarray(0, tab).toString('latin1').split(' ')
  const type = TYPES[mode]
  if (type === undefined)
    throw new GitopsError('hostile', `the tree has an entry of mode ${mode}, which is not a file, a link or a directory`)
  let name: string
  try {
    name = utf8.decode(line.subarray(tab + 1))
  } catch (cause) {
    throw new GitopsError('hostile', `the file name ${JSON.stringify(line.subarray(tab + 1).toString('latin1'))} is not UTF-8`, { cause })
  }
  return { path: relPath(name), type, oid: sha(oid) }
}

/** Whether a commit is here, complete enough to be read. */
export async function hasCommit(repository: Repository, commit: Sha, signal: AbortSignal): Promise<boolean> {
  return (await git(['cat-file', '-e', `${commit}^{tree}`], { ...repository, signal })).code === 0
}

/** The commit a name stands for, or null. */
export async function commitOf(repository: Repository, name: string, signal: AbortSignal): Promise<Sha | null> {
  const { code, stdout } = await git(['rev-parse', '--quiet', '--verify', '--end-of-options', `${name}^{commit}`], {
    ...repository,
    signal,
  })
  const text = stdout.toString().trim()
  return code === 0 && isSha(text) ? text : null
}

/** Whether every commit of `old` is in the history of `next`. */
export async function isAncestor(repository: Repository, old: Sha, next: Sha, signal: AbortSignal): Promise<boolean> {
  return (await git(['merge-base', '--is-ancestor', old, next], { ...repository, signal })).code === 0
}

/** The bytes of blobs, in order, by one Git process. Throws `git` when one is missing, `hostile` when one is too large. */
export async function* blobs(repository: Repository, oids: readonly Sha[], signal: AbortSignal): AsyncGenerator<Buffer> {
  if (oids.length === 0) return
  const child = start(['cat-file', '--batch'], repository)
  const exit = ended(child)
  exit.catch(() => {})
  child.stderr?.resume()
  child.stdin?.on('error', () => {})
  void feed(child.stdin as NodeJS.WritableStream, oids)
  const stop = (): void => killTree(child)
  signal.addEventListener('abort', stop, { once: true })
  try {
    const input = reader(child.stdout as AsyncIterable<Buffer>)
    for (const oid of oids) {
      const header = await input.line()
      const [answered, type, size] = header.split(' ')
      signal.throwIfAborted()
      if (answered !== oid || type !== 'blob')
        throw new GitopsError('git', `the object ${oid} cannot be read: ${header === '' ? 'git ended' : header}`)
      if (Number(size) > LARGEST)
        throw new GitopsError('hostile', `the object ${oid} has ${size} bytes, more than the ${LARGEST} that a file may have`)
      const bytes = await input.bytes(Number(size))
      await input.bytes(1)
      yield bytes
    }
    await exit
  } catch (error) {
    // A Git that we have killed ends in the middle of something; why is what counts.
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    stop()
  }
}

async function feed(stdin: NodeJS.WritableStream, oids: readonly Sha[]): Promise<void> {
  for (let at = 0; at < oids.length; at += 500) {
    const more = stdin.write(`${oids.slice(at, at + 500).join('\n')}\n`)
    if (!more) await once(stdin, 'drain').catch(() => {})
  }
  stdin.end()
}

/** Takes lines and counted bytes from a stream of chunks. */
function reader(chunks: AsyncIterable<Buffer>): { line(): Promise<string>; bytes(count: number): Promise<Buffer> } {
  const source = chunks[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  const more = async (): Promise<boolean> => {
    const next = await source.next()
    if (next.done === true) return false
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value])
    return true
  }
  const take = (count: number): Buffer => {
    const taken = held.subarray(0, count)
    held = held.subarray(count)
    return taken
  }
  return {
    async line() {
      while (!held.includes(10)) if (!(await more())) return ''
      const end = held.indexOf(10)
      return take(end + 1)
        .toString('latin1')
        .slice(0, -1)
    },
    async bytes(count) {
      if (held.length < count) {
        const parts = [held]
        let have = held.length
        while (have < count) {
          const next = await source.next()
          if (next.done === true) throw new GitopsError('git', 'git ended in the middle of an object')
          parts.push(next.value)
          have += next.value.length
        }
        held = Buffer.concat(parts)
      }
      return take(count)
    },
  }
}

/** Some files of a commit, by their path from its top; what is not there, or is a directory, is not in the map. */
export async function filesAt(
  repository: Repository,
  commit: Sha,
  paths: readonly RelPath[],
  signal: AbortSignal,
): Promise<Map<RelPath, TreeEntry>> {
  const env = { GIT_LITERAL_PATHSPECS: '1' }
  const { code, stdout, stderr } = await git(['ls-tree', '-z', '--full-tree', '--end-of-options', commit, '--', ...paths], {
    ...repository,
    env,
    signal,
  })
  if (code !== 0) throw new GitopsError('git', `the tree of commit ${commit} cannot be read: ${lastLines(stderr)}`)
  const files = new Map<RelPath, TreeEntry>()
  for (let at = 0; at < stdout.length;) {
    const end = stdout.indexOf(0, at)
    const line = stdout.subarray(at, end)
    if (!line.subarray(0, line.indexOf(9)).includes(' tree ')) {
      const entry = entryOf(line)
      files.set(entry.path, entry)
    }
    at = end + 1
  }
  return files
}

import { GitopsError } from '../model/errors.ts'
import { finding, type Finding } from '../model/finding.ts'
import { escapingLinks } from '../model/links.ts'
import { ancestors, type RelPath } from '../model/path.ts'

/** No file system that we know holds a longer name. */
const LONGEST = 255
const bytes = new TextEncoder()

/** What keeps a tree from being put in place: a finding about a path of it, with every path that is to blame. */
export interface TreeFault extends Finding {
  readonly path: RelPath
  readonly paths: readonly RelPath[]
}

interface Entry {
  readonly path: RelPath
  readonly type: string
}

/** What no safe target can hold of a tree: a path that the application owns, a submodule, a name that is too long. */
export function entryFaults(entries: readonly Entry[], protects: (path: RelPath) => boolean): TreeFault[] {
  return entries.flatMap(({ path, type }) => {
    if (type === 'submodule')
      return fault('submodule', [path], `${quote(path)} is a submodule, which is not supported`, 'Exclude it, or commit its files.')
    if (path.split('/').some((part) => bytes.encode(part).length > LONGEST))
      return fault(
        'long-name',
        [path],
        `a name in ${quote(`${path.slice(0, 200)}…`)} is longer than the ${LONGEST} bytes that a name may have`,
      )
    if (protects(path))
      return fault(
        'protected',
        [path],
        `${quote(path)} is in the source, but the config protects it`,
        'Take it out of the source, or out of `protect`.',
      )
    return []
  })
}

/** Whether a platform's file systems usually take names that differ only in case, or in Unicode form, for one. */
export function foldsNames(platform: string): boolean {
  return platform === 'darwin' || platform === 'win32'
}

/** Names that differ only in case or in Unicode form, where `where` takes them for one. */
export function collisions(entries: readonly Entry[], where = 'on this machine'): TreeFault[] {
  const seen = new Map<string, RelPath>()
  const told = new Set<RelPath>()
  return entries.flatMap(({ path }) =>
    [...ancestors(path), path].flatMap((name) => {
      const folded = name.normalize('NFC').toLowerCase()
      const other = seen.get(folded)
      if (other === undefined) seen.set(folded, name)
      if (other === undefined || other === name || told.has(name)) return []
      told.add(name)
      return fault(
        'case',
        [other, name],
        `${quote(other)} and ${quote(name)} are one name ${where}`,
        'Rename one of them in the source.',
        path,
      )
    }),
  )
}

/** Links of a tree that lead out of it, by their texts. */
export function linkFaults(links: ReadonlyMap<RelPath, string>): TreeFault[] {
  return escapingLinks(links).flatMap(({ path, message }) => fault('link-outside', [path], message))
}

/** A file that must never be copied as it is: a Git LFS pointer, or an encrypted file that nobody declared. */
export function contentFaults(path: RelPath, content: Buffer): TreeFault[] {
  const head = content.subarray(0, 200).toString('latin1')
  if (head.startsWith('version https://git-lfs.github.com/spec/'))
    return fault('lfs', [path], `${quote(path)} is a Git LFS pointer, not the file itself`, 'Commit the file itself, or exclude it.')
  if (content.includes('ENC[AES256_GCM,') && /(?:^|[\s"{])sops(?:"\s*:|:|_|\])/m.test(content.toString('latin1')))
    return fault('undeclared-encrypted', [path], `${quote(path)} is encrypted and would be copied as it is`, 'Exclude it from the target.')
  return []
}

/** A file in the source where a secret goes. */
export function takenFault(path: RelPath): TreeFault {
  const [taken] = fault(
    'taken',
    [path],
    `${quote(path)} is in the source, but it is where a secret goes`,
    'Take the plaintext out of the source, and change that secret: it is in the history.',
  )
  return taken
}

/** Throws `hostile` with the first fault, if there is one. */
export function refuse([first]: readonly TreeFault[]): void {
  if (first === undefined) return
  const { message, hint, paths } = first
  throw new GitopsError('hostile', message, { paths, ...(hint !== null && { hint }) })
}

function fault(
  rule: string,
  paths: readonly [RelPath, ...RelPath[]],
  message: string,
  hint: string | null = null,
  path = paths[0],
): [TreeFault] {
  return [{ ...finding(`tree/${rule}`, path, message, { hint }), path, paths }]
}

function quote(path: string): string {
  return JSON.stringify(path)
}

import { GitopsError } from '../model/errors.ts'
import { ancestors, type RelPath } from '../model/path.ts'

/** No file system that we know holds a longer name. */
const LONGEST = 255
const bytes = new TextEncoder()

/**
 * Refuses a tree that no safe target can hold: a path the application owns, a submodule, and, where the file system
 * does not tell case apart, two names that are one there. Throws `hostile`, naming the path.
 */
export function refuseTree(
  entries: readonly { readonly path: RelPath; readonly type: string }[],
  protects: (path: RelPath) => boolean,
  platform: string,
): void {
  for (const { path, type } of entries) {
    if (type === 'submodule')
      throw new GitopsError('hostile', `${quote(path)} is a submodule, which is not supported`, {
        hint: 'Exclude it, or commit its files.',
        paths: [path],
      })
    if (path.split('/').some((part) => bytes.encode(part).length > LONGEST))
      throw new GitopsError(
        'hostile',
        `a name in ${quote(`${path.slice(0, 200)}…`)} is longer than the ${LONGEST} bytes that a name may have`,
        { paths: [path] },
      )
    if (protects(path))
      throw new GitopsError('hostile', `${quote(path)} is in the source, but the config protects it`, {
        hint: 'Take it out of the source, or out of `protect`.',
        paths: [path],
      })
  }
  if (platform === 'darwin' || platform === 'win32') refuseCollisions(entries.map((entry) => entry.path))
}

/** Refuses two names that differ only in case or in Unicode form. */
function refuseCollisions(paths: readonly RelPath[]): void {
  const seen = new Map<string, string>()
  for (const path of paths) {
    for (const name of [...ancestors(path), path]) {
      const folded = name.normalize('NFC').toLowerCase()
      const other = seen.get(folded) ?? name
      if (other !== name)
        throw new GitopsError('hostile', `${quote(other)} and ${quote(name)} are one name on this machine`, {
          hint: 'Rename one of them in the source.',
          paths: [other, name],
        })
      seen.set(folded, name)
    }
  }
}

/** Refuses a file that must never be copied as it is: a Git LFS pointer, or an encrypted file that nobody declared. Throws `hostile`. */
export function refuseContent(path: RelPath, bytes: Buffer): void {
  const head = bytes.subarray(0, 200).toString('latin1')
  if (head.startsWith('version https://git-lfs.github.com/spec/')) {
    throw new GitopsError('hostile', `${quote(path)} is a Git LFS pointer, not the file itself`, {
      hint: 'Commit the file itself, or exclude it.',
      paths: [path],
    })
  }
  if (bytes.includes('ENC[AES256_GCM,') && /(?:^|[\s"{])sops(?:"\s*:|:|_|\])/m.test(bytes.toString('latin1'))) {
    throw new GitopsError('hostile', `${quote(path)} is encrypted and would be copied as it is`, {
      hint: 'Exclude it from the target.',
      paths: [path],
    })
  }
}

function quote(path: string): string {
  return JSON.stringify(path)
}

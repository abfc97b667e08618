import { resolve as resolvePath } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { absPath, type AbsPath } from '../model/path.ts'

/** A path of the config: `~` is home, relative ones start at the config's directory. Throws `config`, naming the place. */
export function expand(place: string, text: string, home: AbsPath, directory: AbsPath): AbsPath {
  if (text.includes('\0')) throw new GitopsError('config', `${place}: holds a control character`)
  if (/^~[^/]/.test(text)) {
    throw new GitopsError(
      'config',
      `${place}: ${JSON.stringify(text)} is another user's home; write an absolute path, or ./ before a name that starts so`,
    )
  }
  const path = text === '~' ? home : text.startsWith('~/') ? `${home}/${text.slice(2)}` : text
  return absPath(resolvePath(directory, path))
}

import { resolve as resolvePath } from 'node:path'
import { absPath, type AbsPath } from '../model/path.ts'

/** A path of the config: `~` is home, relative ones start at the config's directory. */
export function expand(text: string, home: AbsPath, directory: AbsPath): AbsPath {
  const path = text === '~' ? home : text.startsWith('~/') ? `${home}/${text.slice(2)}` : text
  return absPath(resolvePath(directory, path))
}

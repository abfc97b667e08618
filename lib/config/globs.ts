import picomatch from 'picomatch'
import { GitopsError } from '../model/errors.ts'

/** A predicate for a list of globs; dot files match, a directory's name covers what is in it. Throws `config` for an absurd glob. */
export function matcher(place: string, globs: readonly string[]): (path: string) => boolean {
  if (globs.length === 0) return () => false
  const wide = globs.flatMap((glob) => {
    const clean = glob.replace(/^\.\//, '').replace(/\/+$/, '')
    if (clean === '' || clean.startsWith('/') || clean.split('/').includes('..')) {
      throw new GitopsError('config', `${place}: ${JSON.stringify(glob)} must be relative to the target, without '..'`)
    }
    return [clean, `${clean}/**`]
  })
  return picomatch(wide, { dot: true, nonegate: true })
}

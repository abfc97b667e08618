import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { git } from './git.ts'
import { replaceFile } from './replace.ts'
import { topOf } from './self.ts'

/** What Git would do with a file: it lies in no repository, is tracked, is ignored, or would be added by `git add --all`. */
export type GitStanding = 'outside' | 'tracked' | 'ignored' | 'exposed'

/** How a file stands with Git, links to it resolved. A repository that Git does not read counts as none. */
export async function gitStanding(path: string): Promise<GitStanding> {
  const real = existsSync(path) ? realpathSync(path) : path
  const top = topOf(dirname(real))
  if (top === null || !existsSync(join(top, '.git'))) return 'outside'
  const asked = await git(['ls-files', '--error-unmatch', '--', `:(literal)${relative(top, real)}`], { cwd: top, asUser: true })
  if (asked.code === 0) return 'tracked'
  const { code } = await git(['check-ignore', '--quiet', '--no-index', '--', relative(top, real)], { cwd: top, asUser: true })
  return code === 0 ? 'ignored' : code === 1 ? 'exposed' : 'outside'
}

/**
 * Adds a file that Git would add to the nearest `.gitignore` of its repository, which is made at the top where there is none.
 * Returns that file. Throws `io`.
 */
export function ignore(path: string): string {
  const real = realpathSync(path)
  const top = topOf(dirname(real)) ?? dirname(real)
  const file = nearest(dirname(real), top)
  const before = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
  const line = `/${escaped(relative(dirname(file), real).split(sep).join('/'))}\n`
  const gap = before.length === 0 || before.at(-1) === 0x0a ? '' : '\n'
  replaceFile(file, Buffer.concat([before, Buffer.from(gap + line)]), { mode: 0o644, expected: before })
  return file
}

function nearest(start: string, top: string): string {
  for (let directory = start; directory !== top && directory !== dirname(directory); directory = dirname(directory))
    if (existsSync(join(directory, '.gitignore'))) return join(directory, '.gitignore')
  return join(top, '.gitignore')
}

/** A name is a pattern in that file. */
function escaped(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&').replace(/ $/, '\\ ')
}

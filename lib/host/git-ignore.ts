import { existsSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { GitopsError } from '../model/errors.ts'
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
 * Adds a file that Git would add to the nearest `.gitignore` of its repository, which is made at the top where there is none,
 * and asks Git whether it heeds it. Returns that file. Throws `io`, and `usage` where the file would still be added.
 */
export async function ignore(path: string): Promise<string> {
  const real = realpathSync(path)
  const top = topOf(dirname(real)) ?? dirname(real)
  if (real.slice(top.length).includes('\n')) throw exposed(path, 'would be added by Git, and a line of .gitignore cannot hold its name')
  const { file, before } = nearest(dirname(real), top, path)
  const line = `/${escaped(relative(dirname(file), real).split(sep).join('/'))}\n`
  const gap = before === null || before.length === 0 || before.at(-1) === 0x0a ? '' : '\n'
  replaceFile(file, Buffer.concat([before ?? Buffer.alloc(0), Buffer.from(gap + line)]), { mode: 0o644, expected: before })
  if ((await gitStanding(path)) !== 'ignored') throw exposed(path, `would be added by Git, though ${file} names it`)
  return file
}

/** The `.gitignore` that a line goes to, and what it holds: null where it is yet to be made. Git heeds no other kind of thing than a file there. */
function nearest(start: string, top: string, path: string): { file: string; before: Buffer | null } {
  for (let directory = start; ; directory = dirname(directory)) {
    const file = join(directory, '.gitignore')
    const found = lstatSync(file, { throwIfNoEntry: false })
    if (found?.isFile() === true) return { file, before: readFileSync(file) }
    if (directory !== top && directory !== dirname(directory)) continue
    if (found === undefined) return { file, before: null }
    throw exposed(path, `would be added by Git, and ${file} is ${found.isSymbolicLink() ? 'a link' : 'no file'}, which Git does not read`)
  }
}

function exposed(path: string, why: string): GitopsError {
  return new GitopsError('usage', `${path} is in clear and ${why}`, {
    hint: 'Nothing was encrypted. See that `git check-ignore` names it, for example by .git/info/exclude, and encrypt it then.',
  })
}

/** A name is a pattern in that file. */
function escaped(path: string): string {
  return path.replace(/[\\*?[\]]/g, '\\$&').replace(/ $/, '\\ ')
}

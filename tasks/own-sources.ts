import { realPath } from '../lib/host/live.ts'
import { remotesOf, type JudgedTree } from '../lib/host/judged-tree.ts'
import type { Config, Source } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { finding, type Finding } from '../lib/model/finding.ts'
import { isWithin } from '../lib/model/path.ts'

/** The sources of a config that the judged repository is, by its place or by a remote of it. Throws `usage` for a name that the config lacks. */
export async function ownSources(
  config: Config,
  judged: JudgedTree,
  named: string | null,
): Promise<{ readonly names: readonly string[]; readonly findings: readonly Finding[] }> {
  const all = config.sources.map(({ name }) => name)
  if (named !== null) {
    if (all.includes(named)) return { names: [named], findings: [] }
    throw new GitopsError('usage', `there is no source ${JSON.stringify(named)} in the config; known: ${all.join(', ')}`)
  }
  const remotes = new Set((await remotesOf(judged)).map(address))
  const names = config.sources.filter((source) => isHere(source, judged.top) || remotes.has(address(source.repo))).map(({ name }) => name)
  if (names.length > 0) return { names, findings: [] }
  const hint = `Name the one that it is: --source ${all.length === 1 ? all[0] : `NAME, one of ${all.join(', ')}`}.`
  return { names, findings: [finding('config/source', null, `no source of the config is the repository ${judged.top}`, { hint })] }
}

function isHere({ kind, directory }: Source, top: string): boolean {
  if (directory === null) return false
  const place = realPath(directory) ?? directory
  // A bare repository, or a path to the .git itself, is the same one; only the source of the config may be named by a directory in it.
  return kind === 'self' ? isWithin(place, top) : place.replace(/\/\.git$/, '') === top
}

/** What tells one remote repository from another, however it is reached: `git@host:a/b.git` and `https://user@host/a/b` are one. */
function address(url: string): string {
  const scp = /^(?:[^/@]+@)?([^/:]+):(?!\/\/)(.*)$/.exec(url)
  const [, host = '', path = ''] = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/@]*@)?([^/:]*)(?::\d+)?\/+(.*)$/i.exec(url) ?? scp ?? []
  const plain = (host === '' && scp === null ? url : path).replace(/\/+$/, '').replace(/\.git$/, '')
  return host === '' ? plain.replace(/^file:\/\//i, '') : `${host.toLowerCase()}/${plain.replace(/^\/+/, '')}`
}

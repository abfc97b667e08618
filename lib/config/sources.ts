import type { Source } from '../model/config.ts'
import type { Host } from '../model/context.ts'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { duration } from '../model/schedule.ts'
import { expand } from './places.ts'
import type { ConfigInput } from './schema.ts'

/** One source of the config, checked. Throws `config`, naming the place. */
export function sourceOf(name: string, input: ConfigInput['sources'][string], directory: AbsPath, home: AbsPath, env: Host['env']): Source {
  const { repo } = input
  // oxlint-disable-next-line no-control-regex -- control characters in a URL have fooled prompts and helpers
  if (/[\u0000-\u001f\u007f]/.test(repo)) throw new GitopsError('config', `sources.${name}.repo: holds a control character`)
  if (repo.startsWith('-')) throw new GitopsError('config', `sources.${name}.repo: must not start with a dash`)
  const ref = input.ref ?? null
  if (ref !== null && !isRefName(ref)) {
    throw new GitopsError('config', `sources.${name}.ref: ${JSON.stringify(ref)} is not a branch, a tag or a full commit id`)
  }
  const self = repo === '.'
  const url = !self && (/^[a-z][a-z0-9+.-]*:\/\//i.test(repo) || (/^[^/]+:/.test(repo) && !/^[~.]/.test(repo)))
  if (url && /^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]+@/i.test(repo)) {
    throw new GitopsError(
      'config',
      `sources.${name}.repo: holds a password; keep it in a Git credential helper, where \`git clone\` finds it too`,
    )
  }
  const file = /^file:\/\/(\/.*)$/i.exec(repo)
  const local = self ? (env['GITOPS_REPO_PATH'] ?? '.') : (file?.[1] ?? (url ? null : repo))
  return {
    name,
    repo,
    kind: self ? 'self' : local === null ? 'url' : 'path',
    directory: local === null ? null : expand(`sources.${name}.repo`, local, home, directory),
    ref,
    fsck: input.fsck ?? true,
    timeout: duration(input.timeout ?? '2m'),
  }
}

/** What `git check-ref-format` allows, so that a ref is never an expression, an option or a pattern. */
function isRefName(ref: string): boolean {
  // oxlint-disable-next-line no-control-regex -- no ref holds one
  if (ref === '@' || ref.startsWith('-') || /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{/.test(ref)) return false
  return ref.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.') && !part.endsWith('.lock'))
}

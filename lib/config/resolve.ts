import { basename, dirname, resolve as resolvePath } from 'node:path'
import * as v from 'valibot'
import type { Check, Config, Source, Target, Task } from '../model/config.ts'
import type { Host } from '../model/context.ts'
import { GitopsError } from '../model/errors.ts'
import { absPath, isWithin, relPath, type AbsPath } from '../model/path.ts'
import { duration } from '../model/schedule.ts'
import { complaints } from './complain.ts'
import type { UserConfig } from './define.ts'
import { matcher } from './globs.ts'
import { schema, type ConfigInput, type When } from './schema.ts'

/** What decides how a config is read, beside the config itself. */
export interface Circumstances {
  /** The config file, or null when a program handed the config over. */
  readonly file: AbsPath | null
  /** The directory that relative paths start from. */
  readonly directory: AbsPath
  readonly host: string
  /** The user's home directory. */
  readonly home: AbsPath
  readonly platform: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Checks a user's config and decides everything in it. Throws `config` with one line a fault. */
export async function resolve(user: UserConfig, circumstances: Circumstances): Promise<Config> {
  const where = circumstances.file ?? 'the config'
  const host: Host = { host: circumstances.host, home: circumstances.home, platform: circumstances.platform, env: circumstances.env }
  const raw = typeof user === 'function' ? await call(() => user(host), where) : user
  const parsed = v.safeParse(schema, raw)
  if (!parsed.success) {
    throw new GitopsError('config', `${where} is not a valid configuration:\n${complaints(parsed.issues, keysAt)}`)
  }
  try {
    return Object.freeze(decide(parsed.output, circumstances, host))
  } catch (error) {
    if (error instanceof GitopsError) throw new GitopsError('config', `${where} is not a valid configuration:\n  ${error.message}`, { cause: error })
    throw error
  }
}

function decide(input: ConfigInput, { file, directory, env, ...rest }: Circumstances, given: Host): Config {
  const home = input.home === undefined ? rest.home : expand(input.home, rest.home, directory)
  const host: Host = { ...given, home }
  const name = input.name ?? (basename(directory).replace(/[^\w.-]/g, '-') || 'root')
  const stateHome = input.home === undefined && env['XDG_STATE_HOME'] ? resolvePath(env['XDG_STATE_HOME']) : `${home}/.local/state`
  const sources = Object.entries(input.sources).map(([key, source]) => sourceOf(key, source, directory, home, env))
  const only = sources.length === 1 ? (sources[0]?.name ?? null) : null
  const named = (place: string, source: string | undefined): string | null => {
    if (source === undefined) return only
    if (!sources.some((known) => known.name === source)) {
      throw new GitopsError('config', `${place}.source: there is no source ${JSON.stringify(source)}; known: ${sources.map((known) => known.name).join(', ')}`)
    }
    return source
  }
  const targets = Object.entries(input.targets ?? {})
    .filter(([, target]) => applies(target.when, host))
    .map(([key, target]): Target => {
      const owner = named(`targets.${key}`, target.source)
      if (owner === null) throw new GitopsError('config', `targets.${key}.source: is missing; there are several sources: ${sources.map((known) => known.name).join(', ')}`)
      return targetOf(key, target, owner, home, directory)
    })
  refuseNesting(targets)
  const check = (list: string) => (input: CheckInput, index: number): Check => ({
    name: input.name,
    source: named(`checks.${list}.${index}`, input.source),
    run: input.run,
    timeout: duration(input.timeout ?? '60s'),
    retries: input.retries ?? 0,
  })
  const task = (list: string) => (input: TaskInput, index: number): Task => ({
    name: input.name,
    source: named(`tasks.${list}.${index}`, input.source),
    run: input.run,
    undo: input.undo ?? null,
    timeout: duration(input.timeout ?? '60s'),
  })
  const here = <T extends { when?: When | undefined }>(list: readonly T[] | undefined): T[] => (list ?? []).filter((item) => applies(item.when, host))
  return {
    name,
    file,
    directory,
    home,
    state: absPath(`${stateHome}/gitops/${name}`),
    sources,
    targets,
    checks: {
      syntax: syntaxOf(input.checks?.syntax),
      validate: here(input.checks?.validate).map(check('validate')),
      smoke: here(input.checks?.smoke).map(check('smoke')),
    },
    tasks: { before: here(input.tasks?.before).map(task('before')), after: here(input.tasks?.after).map(task('after')) },
    every: intervalOf(env['GITOPS_CHECK_INTERVAL'] ?? input.schedule?.every),
    host,
  }
}

type CheckInput = NonNullable<NonNullable<ConfigInput['checks']>['smoke']>[number]
type TaskInput = NonNullable<NonNullable<ConfigInput['tasks']>['before']>[number]

function sourceOf(name: string, input: ConfigInput['sources'][string], directory: AbsPath, home: AbsPath, env: Circumstances['env']): Source {
  const { repo } = input
  // oxlint-disable-next-line no-control-regex -- control characters in a URL have fooled prompts and helpers
  if (/[\u0000-\u001f\u007f]/.test(repo)) throw new GitopsError('config', `sources.${name}.repo: holds a control character`)
  if (repo.startsWith('-')) throw new GitopsError('config', `sources.${name}.repo: must not start with a dash`)
  const ref = input.ref ?? null
  if (ref !== null && !/^[^\s~^:?*[\\-][^\s~^:?*[\\]*$/.test(ref)) {
    throw new GitopsError('config', `sources.${name}.ref: ${JSON.stringify(ref)} is not a branch, a tag or a full commit id`)
  }
  const self = repo === '.'
  const url = !self && (/^[a-z][a-z0-9+.-]*:\/\//i.test(repo) || (/^[^/]+:/.test(repo) && !/^[~.]/.test(repo)))
  if (url && /^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/@]+@/i.test(repo)) {
    throw new GitopsError('config', `sources.${name}.repo: holds a password; keep it in a Git credential helper, where \`git clone\` finds it too`)
  }
  const file = /^file:\/\/(\/.*)$/i.exec(repo)
  const local = self ? (env['GITOPS_REPO_PATH'] ?? '.') : (file?.[1] ?? (url ? null : repo))
  return {
    name,
    repo,
    kind: self ? 'self' : local === null ? 'url' : 'path',
    directory: local === null ? null : expand(local, home, directory),
    ref,
    fsck: input.fsck ?? true,
    timeout: duration(input.timeout ?? '2m'),
  }
}

function targetOf(name: string, input: NonNullable<ConfigInput['targets']>[string], source: string, home: AbsPath, directory: AbsPath): Target {
  const { when: _, source: __, ...declared } = input
  const from = input.from.replace(/^\.\//, '').replace(/\/+$/, '')
  const include = input.include === undefined ? () => true : matcher(`targets.${name}.include`, input.include)
  const exclude = matcher(`targets.${name}.exclude`, input.exclude ?? [])
  const modes = Object.entries(input.modes ?? {}).map(([glob, mode]) => ({ matches: matcher(`targets.${name}.modes`, [glob]), mode: Number.parseInt(mode, 8) }))
  return {
    name,
    source,
    from: from === '.' || from === '' ? null : inside(`targets.${name}.from`, from),
    to: expand(input.to, home, directory),
    accepts: (path) => include(path) && !exclude(path),
    protects: matcher(`targets.${name}.protect`, input.protect ?? []),
    modeOf: (path) => modes.findLast((rule) => rule.matches(path))?.mode ?? null,
    adopt: input.adopt ?? 'keep',
    onRemove: input.onRemove ?? 'restore',
    declaration: JSON.stringify(declared),
  }
}

function inside(place: string, text: string): ReturnType<typeof relPath> {
  try {
    return relPath(text)
  } catch (cause) {
    throw new GitopsError('config', `${place}: ${JSON.stringify(text)} must be a directory in the source, without '..' and not absolute`, { cause })
  }
}

function syntaxOf(syntax: NonNullable<ConfigInput['checks']>['syntax']): (path: string) => boolean {
  if (typeof syntax === 'object') {
    const exclude = matcher('checks.syntax.exclude', syntax.exclude)
    return (path) => !exclude(path)
  }
  return () => syntax ?? true
}

function intervalOf(text: string | undefined): number | null {
  if (text === undefined) return null
  try {
    return duration(text)
  } catch (cause) {
    throw new GitopsError('config', `GITOPS_CHECK_INTERVAL: ${JSON.stringify(text)} is not a number of seconds or a duration such as '5m'`, { cause })
  }
}

function refuseNesting(targets: readonly Target[]): void {
  for (const [index, target] of targets.entries()) {
    for (const other of targets.slice(0, index)) {
      if (isWithin(target.to, other.to) || isWithin(other.to, target.to)) {
        throw new GitopsError('config', `targets.${target.name}.to: ${target.to} and ${other.to} of targets.${other.name} are one inside the other; a live path has one owner, so use one target with include and exclude, or separate directories`)
      }
    }
  }
}

function applies(when: When | undefined, host: Host): boolean {
  if (when === undefined || typeof when === 'boolean') return when ?? true
  if (typeof when === 'function') return when(host)
  const among = (wanted: string | string[] | undefined, is: string): boolean => wanted === undefined || [wanted].flat().includes(is)
  return among(when.host, host.host) && among(when.platform, host.platform)
}

/** A path of the config: `~` is home, relative ones start at the config's directory. */
function expand(text: string, home: AbsPath, directory: AbsPath): AbsPath {
  const path = text === '~' ? home : text.startsWith('~/') ? `${home}/${text.slice(2)}` : text
  return absPath(resolvePath(directory, path))
}

async function call<T>(make: () => T | Promise<T>, where: string): Promise<T> {
  try {
    return await make()
  } catch (cause) {
    throw new GitopsError('config', `${where}: its function threw: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** The keys that the schema knows at a place, for "did you mean". */
function keysAt(place: readonly string[]): readonly string[] {
  let at: unknown = schema
  for (const key of place) at = step(at, key)
  const entries = unwrap(at)['entries']
  return typeof entries === 'object' && entries !== null ? Object.keys(entries) : []
}

function step(at: unknown, key: string): unknown {
  const node = unwrap(at)
  const entries = node['entries'] as Record<string, unknown> | undefined
  return entries?.[key] ?? node['value'] ?? node['item']
}

function unwrap(at: unknown): Record<string, unknown> {
  let node = (at ?? {}) as Record<string, unknown>
  for (;;) {
    const inner = node['wrapped'] ?? (Array.isArray(node['options']) ? node['options'].find((option: Record<string, unknown>) => option['type'] === 'strict_object') : undefined)
    if (typeof inner !== 'object' || inner === null) return node
    node = inner as Record<string, unknown>
  }
}

/** The directory a config file lies in. */
export function directoryOf(file: AbsPath): AbsPath {
  return absPath(dirname(file))
}

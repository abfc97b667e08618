import { basename, isAbsolute, resolve as resolvePath } from 'node:path'
import type { Check, Config, Task } from '../model/config.ts'
import type { Host } from '../model/context.ts'
import { GitopsError } from '../model/errors.ts'
import { absPath, type AbsPath } from '../model/path.ts'
import { duration } from '../model/schedule.ts'
import type { UserConfig } from './define.ts'
import { strategiesIn } from './merging.ts'
import { expand } from './places.ts'
import { judged } from './judged.ts'
import type { ConfigInput, When } from './schema.ts'
import { gateOf, historyOf, notifierOf, scheduleOf, syntaxOf } from './running.ts'
import { documentOf, joined, secretOf } from './secrets.ts'
import { sourceOf } from './sources.ts'
import { refuseNesting, refuseState, targetOf } from './targets.ts'

/** What decides how a config is read, beside the config itself. */
export interface Circumstances {
  /** The config file, or null when a program handed the config over. */
  readonly file: AbsPath | null
  /** The config file and the modules that it imports. */
  readonly modules: readonly AbsPath[]
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
  if (raw === undefined)
    throw new GitopsError('config', `${where}: its function returned nothing`, { hint: 'It must return { sources, targets, … }.' })
  const input = judged(raw, where)
  try {
    return Object.freeze(decide(await whole(input, circumstances, host, where), circumstances, host))
  } catch (error) {
    if (error instanceof GitopsError)
      throw new GitopsError('config', `${where} is not a valid configuration:\n  ${error.message}`, { cause: error })
    throw error
  }
}

/** The config with what its presets add. */
async function whole(input: ConfigInput, { directory }: Circumstances, host: Host, where: string): Promise<ConfigInput> {
  if (input.presets === undefined) return input
  const { withPresets } = await import('./presets.ts')
  const home = homeOf(input, host.home, directory)
  return judged(await withPresets(input, { ...host, home, ownHome: input.home === undefined }), where)
}

function homeOf({ home }: ConfigInput, usual: AbsPath, directory: AbsPath): AbsPath {
  return home === undefined ? usual : expand('home', home, usual, directory)
}

function decide(input: ConfigInput, { file, modules, directory, env, ...rest }: Circumstances, given: Host): Config {
  const home = homeOf(input, rest.home, directory)
  const host: Host = { ...given, home }
  const name = input.name ?? (basename(directory).replace(/[^\w.-]/g, '-') || 'root')
  const xdg = (variable: string, usual: string): string => {
    const named = env[variable] ?? ''
    return input.home === undefined && isAbsolute(named) ? resolvePath(named) : `${home}/${usual}`
  }
  const state = absPath(`${xdg('XDG_STATE_HOME', '.local/state')}/gitops/${name}`)
  const sources = Object.entries(input.sources).map(([key, source]) => sourceOf(key, source, directory, home, env))
  const only = sources.length === 1 ? (sources[0]?.name ?? null) : null
  const named = (place: string, source: string | undefined): string | null => {
    if (source === undefined) return only
    if (!sources.some((known) => known.name === source)) {
      throw new GitopsError(
        'config',
        `${place}.source: there is no source ${JSON.stringify(source)}; known: ${sources.map((known) => known.name).join(', ')}`,
      )
    }
    return source
  }
  /** What of a part applies here, each with the source that it is from. */
  const parts = <In extends { when?: When | undefined; source?: string | undefined }, Out>(
    kind: string,
    all: Readonly<Record<string, In>> = {},
    make: (name: string, input: In, source: string, home: AbsPath, directory: AbsPath) => Out,
  ): Out[] =>
    Object.entries(all)
      .filter(([key, each]) => applies(`${kind}.${key}`, each.when, host))
      .map(([key, each]) => {
        const owner = named(`${kind}.${key}`, each.source)
        if (owner === null)
          throw new GitopsError(
            'config',
            `${kind}.${key}.source: is missing; there are several sources: ${sources.map((known) => known.name).join(', ')}`,
          )
        return make(key, each, owner, home, directory)
      })
  const targets = parts('targets', input.targets, targetOf)
  const secrets = joined(parts('secrets', input.secrets, secretOf), parts('documents', input.documents, documentOf))
  refuseNesting(targets, secrets)
  refuseState(targets, state)
  const check = (input: CheckInput, place: string): Check => ({
    name: input.name,
    source: named(place, input.source),
    run: input.run,
    timeout: duration(input.timeout ?? '60s'),
    retries: input.retries ?? 0,
  })
  const task = (input: TaskInput, place: string): Task => ({
    name: input.name,
    source: named(place, input.source),
    run: input.run,
    undo: input.undo ?? null,
    timeout: duration(input.timeout ?? '60s'),
  })
  /** What of a list applies here; each is named by its place in the config as it is written. */
  const here = <In extends { when?: When | undefined }, Out>(
    list: string,
    all: readonly In[] = [],
    make: (input: In, place: string) => Out,
  ): Out[] => all.flatMap((input, index) => (applies(`${list}.${index}`, input.when, host) ? [make(input, `${list}.${index}`)] : []))
  return {
    name,
    file,
    modules,
    directory,
    home,
    state,
    sources,
    targets,
    checks: {
      syntax: syntaxOf(input.checks?.syntax),
      validate: here('checks.validate', input.checks?.validate, check),
      smoke: here('checks.smoke', input.checks?.smoke, check),
    },
    tasks: { before: here('tasks.before', input.tasks?.before, task), after: here('tasks.after', input.tasks?.after, task) },
    secrets,
    retry: { attempts: input.retry?.attempts ?? 3, after: (input.retry?.after ?? ['1m', '5m']).map((text) => duration(text)) },
    identities: (input.identities ?? []).map((file) => expand('identities', file, home, directory)),
    hostKey: absPath(`${xdg('XDG_DATA_HOME', '.local/share')}/gitops/host.key`),
    strategies: strategiesIn(input),
    notify: (input.notify ?? []).map(notifierOf),
    audit: input.audit === undefined ? absPath(`${state}/audit.log`) : expand('audit.path', input.audit.path, home, directory),
    history: historyOf(input.history),
    gate: gateOf(input.gate),
    schedule: scheduleOf(env['GITOPS_CHECK_INTERVAL'], input.schedule),
    host,
  }
}

type CheckInput = NonNullable<NonNullable<ConfigInput['checks']>['smoke']>[number]
type TaskInput = NonNullable<NonNullable<ConfigInput['tasks']>['before']>[number]

function applies(place: string, when: When | undefined, host: Host): boolean {
  if (when === undefined || typeof when === 'boolean') return when ?? true
  if (typeof when === 'function') return asked(place, when, host)
  const among = (wanted: string | string[] | undefined, is: string): boolean => wanted === undefined || [wanted].flat().includes(is)
  return among(when.host, host.host) && among(when.platform, host.platform)
}

function asked(place: string, when: (host: Host) => unknown, host: Host): boolean {
  let answer: unknown
  try {
    answer = when(host)
  } catch (cause) {
    throw new GitopsError('config', `${place}.when: its function threw: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
  // A promise would count as true, always.
  if (typeof answer !== 'boolean') throw new GitopsError('config', `${place}.when: its function must return true or false`)
  return answer
}

async function call<T>(make: () => T | Promise<T>, where: string): Promise<T> {
  try {
    return await make()
  } catch (cause) {
    throw new GitopsError('config', `${where}: its function threw: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

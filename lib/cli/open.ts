import { dirname, resolve as resolvePath } from 'node:path'
import { realpathSync } from 'node:fs'
import { find, load, places, type Files } from '../config/find.ts'
import { resolve } from '../config/resolve.ts'
import type { Incoming } from '../host/incoming.ts'
import { machine, type Machine } from '../host/machine.ts'
import type { Config } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { absPath, short, type AbsPath } from '../model/path.ts'
import type { ConfigOptions } from './config-option.ts'

/** A config and the machine it was read on. */
export interface Opened {
  readonly config: Config
  readonly machine: Machine
}

/** The file that a command's options name, or that is found from the working directory or `GITOPS_REPO_PATH`. Throws `config`. */
export function configFile(options: ConfigOptions): AbsPath {
  const { cwd, home } = machine()
  if (options.config !== undefined) return absPath(resolvePath(cwd, options.config))
  return find(searched(), home)
}

/** Every path where a config would have been found. */
export function configPlaces(): readonly AbsPath[] {
  return places(searched(), machine().home)
}

/** The directory that a config is looked for from: the working directory, or the one that `GITOPS_REPO_PATH` names. */
export function searched(): string {
  return environment()['GITOPS_REPO_PATH'] ?? machine().cwd
}

/** The process's variables; `GITOPS_REPO_PATH` starts at the working directory, wherever the config lies. */
function environment(): NodeJS.ProcessEnv {
  const { cwd, env } = machine()
  const path = env['GITOPS_REPO_PATH']
  return path ? { ...env, GITOPS_REPO_PATH: resolvePath(cwd, path) } : env
}

/** Another host than this one, whose config is asked for. */
export type Elsewhere = Partial<Pick<Machine, 'hostname' | 'home' | 'platform'>>

/** Loads and checks a config file, as it is on disk or as a commit brings it, for this host or another one. Throws `config`. */
export async function open(file: AbsPath, incoming?: Incoming, elsewhere: Elsewhere = {}): Promise<Opened> {
  if (incoming === undefined) return read(file, undefined, elsewhere)
  const { filesToCome } = await import('../host/incoming.ts')
  try {
    return await read(file, filesToCome(incoming), elsewhere)
  } catch (error) {
    if (!(error instanceof GitopsError)) throw error
    const { hint } = error
    throw new GitopsError(error.code, `${short(incoming.commit)} brings a config that cannot be used: ${error.message}`, {
      cause: error,
      ...(hint !== undefined && { hint }),
    })
  }
}

async function read(file: AbsPath, files: Files | undefined, elsewhere: Elsewhere): Promise<Opened> {
  const here = { ...machine(), ...elsewhere }
  const { user, modules } = await load(file, new URL('../index.js', import.meta.url).href, files)
  const config = await resolve(user, {
    file,
    modules,
    directory: absPath(dirname(realpathSync(file))),
    host: here.hostname,
    home: here.home,
    platform: here.platform,
    env: environment(),
  })
  const [, , verb = ''] = process.argv
  return { config, machine: { ...here, command: /^[a-z-]+$/.test(verb) ? `gitops ${verb}` : 'gitops' } }
}

/** A signal that SIGINT, SIGTERM and SIGHUP abort; the run then undoes what it began. */
export function interruptible(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => controller.abort(new GitopsError('interrupted', `interrupted by ${name}`)))
  }
  return controller.signal
}

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { cosmiconfig, defaultLoaders, type Loader } from 'cosmiconfig'
import { GitopsError } from '../model/errors.ts'
import { absPath, type AbsPath } from '../model/path.ts'
import type { UserConfig } from './define.ts'

const NAMES = ['ts', 'mts', 'js', 'mjs', 'yaml', 'json'].map((ending) => `gitops.config.${ending}`)

/** A config file and what it exports. */
export interface Found {
  readonly file: AbsPath
  readonly user: UserConfig
  /** The file and every module of the user's that it imports, as real paths. */
  readonly modules: readonly AbsPath[]
}

/**
 * The config file for a directory: the first one from there upward, as far as the repository's root or home.
 * Throws `config` when there is none.
 */
export function find(start: string, home: string): AbsPath {
  const file = places(start, home).find((place) => existsSync(place))
  if (file !== undefined) return file
  const from = resolve(start)
  const last = ceiling(from, home)
  throw new GitopsError(
    'config',
    `there is no gitops.config.ts (or .mts .js .mjs .yaml .json) in ${from}${from === last ? '' : ` or above it up to ${last}`}`,
    {
      hint: 'Write one, or name one with --config FILE.',
    },
  )
}

/** Every path that is looked at for a directory, nearest first. */
export function places(start: string, home: string): readonly AbsPath[] {
  const from = resolve(start)
  const last = ceiling(from, home)
  const all: AbsPath[] = []
  for (let directory = from; ; directory = dirname(directory)) {
    all.push(...NAMES.map((name) => absPath(join(directory, name))))
    if (directory === last) return all
  }
}

/** The highest directory searched: never a stranger's, such as /tmp. */
function ceiling(from: string, home: string): string {
  // The working directory is always a real path; home may be reached through a link.
  const homes = new Set([resolve(home), existsSync(home) ? realpathSync(home) : home])
  for (let directory = from; ; directory = dirname(directory)) {
    if (homes.has(directory) || existsSync(join(directory, '.git'))) return directory
    if (directory === dirname(directory)) return from
  }
}

/** What a file is in place of what is on disk: null when it is gone, undefined when it is the one on disk. */
export type Files = (path: string) => Buffer | null | undefined

/** Loads a config file wherever it lies. `entry` is what `import … from 'gitops'` means in it; `files` are read in place of those on disk. Throws `config`. */
export async function load(file: AbsPath, entry: string, files: Files = () => undefined): Promise<Found> {
  if (!existsSync(file) || !statSync(file).isFile())
    throw new GitopsError('config', `${file} is not a file`, { hint: 'Name a config file with --config FILE.' })
  if (!NAMES.some((name) => file.endsWith(extname(name))))
    throw new GitopsError('config', `${file} is no config: it must end in .ts .mts .js .mjs .yaml or .json`)
  if (files(realpathSync(file)) === null)
    throw new GitopsError('config', `there is no ${basename(file)} in it`, { hint: 'The config has been moved, or taken away.' })
  const module: Loader = (path) => loadModule(path, entry, files)
  const text = (ending: '.yaml' | '.json'): Loader => {
    return (path, onDisk) => defaultLoaders[ending](path, files(realpathSync(path))?.toString() ?? onDisk)
  }
  const loaders = {
    ...defaultLoaders,
    '.ts': module,
    '.mts': module,
    '.js': module,
    '.mjs': module,
    '.yaml': text('.yaml'),
    '.json': text('.json'),
  }
  try {
    const found = await cosmiconfig('gitops', { loaders, cache: false }).load(file)
    if (found === null || found.isEmpty === true || found.config === undefined) {
      throw new GitopsError('config', `${file} exports nothing`, { hint: 'It must say: export default defineConfig({ … })' })
    }
    return { file, user: found.config as UserConfig, modules: [...new Set([absPath(realpathSync(file)), ...imported])] }
  } catch (error) {
    if (error instanceof GitopsError) throw error
    const unplaced = error instanceof SyntaxError && /\.m?js$/.test(file)
    throw new GitopsError('config', `${file} does not load: ${reason(error, file)}`, {
      cause: error,
      ...(unplaced && { hint: `\`node --check ${file}\` shows the place.` }),
    })
  }
}

function reason(error: unknown, file: string): string {
  if (!(error instanceof Error)) return inspect(error, { breakLength: Infinity })
  const message = error.message.replace(/^(?:JSON|YAML) Error in .*:\n/, '')
  if (!(error instanceof SyntaxError)) return message
  // For TypeScript, the file and the line are what the stack begins with; for JavaScript, Node does not tell.
  const [, path, line] = /^(?:file:\/\/)?(\/.*):(\d+)\n/.exec(error.stack ?? '') ?? []
  return path === undefined ? message : `${path === file ? '' : `${path}, `}line ${line}: ${message}`
}

async function loadModule(path: string, entry: string, files: Files): Promise<unknown> {
  replaced = files
  teachNode({ gitops: entry })
  const loaded = (await import(pathToFileURL(realpathSync(path)).href)) as { default?: unknown }
  return loaded.default
}

/** The user's modules that were loaded, in order. */
const imported: AbsPath[] = []
/** What files are in place of what is on disk, for the config that was loaded last. */
let replaced: Files = () => undefined
let taught = false

/**
 * Makes Node load a user's modules as we promise, with what `import … from` each of these names means in them. It stays so: the config's
 * functions may import more when they are called.
 */
export function teachNode(entries: Readonly<Record<string, string>>): void {
  if (taught) return
  taught = true
  const files: Files = (path) => replaced(path)
  const ours = new URL('..', entries['gitops']).href
  const isTheirs = (url: string): boolean => url.startsWith('file:') && !url.startsWith(ours) && !url.includes('/node_modules/')
  registerHooks({
    resolve: (specifier, context, next) => {
      const entry = entries[specifier]
      if (entry !== undefined) return { url: entry, shortCircuit: true }
      // A module that is not on disk is not found by Node.
      const url = /^\.{1,2}\//.test(specifier) && context.parentURL !== undefined ? new URL(specifier, context.parentURL).href : ''
      return isTheirs(url) && files(fileURLToPath(url)) ? { url, shortCircuit: true } : next(specifier, context)
    },
    load: (url, context, next) => {
      if (!isTheirs(url)) return next(url, context)
      const path = fileURLToPath(url)
      imported.push(absPath(path))
      const other = files(path)
      if (other === null) throw new Error(`${path} is imported and is not there`)
      const format = formatOf(url, other)
      if (other !== undefined) return { format: format ?? FORMATS[extname(path)] ?? 'commonjs', source: other, shortCircuit: true }
      return next(url, format === null ? context : { ...context, format })
    },
  })
}

/** What Node takes files for by their names alone. */
const FORMATS: Readonly<Record<string, string>> = {
  '.mts': 'module-typescript',
  '.cts': 'commonjs-typescript',
  '.mjs': 'module',
  '.json': 'json',
}

/** A user's own TypeScript is always a module, whatever the nearest package.json says; JavaScript is one when it reads like one. */
function formatOf(url: string, other: Buffer | undefined): 'module' | 'module-typescript' | null {
  if (url.endsWith('.ts')) return 'module-typescript'
  if (url.endsWith('.js') && /^\s*(?:import|export)\b/m.test((other ?? readFileSync(fileURLToPath(url))).toString())) return 'module'
  return null
}

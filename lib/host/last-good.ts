import { existsSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config, Source } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { absPath, type AbsPath } from '../model/path.ts'
import { decode, encode } from './codec.ts'
import type { Machine } from './machine.ts'
import { shortHash } from './hash.ts'
import { gitDirOf, topOf } from './self.ts'
import { storeIn } from './store.ts'
import { writeAtomic } from './write.ts'

/** How the last config that loaded pulls its own repository. It lies in that clone's Git directory, which is no part of any tree. */
interface Recipe {
  readonly name: string
  readonly state: AbsPath
  readonly home: AbsPath
  readonly source: Source
}

/** The recipe, as far as pulling needs a config. */
export interface LastGood {
  readonly config: Config
  readonly source: Source
  /** Notes in the state why the config on disk cannot be used. */
  readonly remember: (reason: string) => void
}

/** Remembers how a config pulls the repository that it lies in. */
export function saveLastGood(config: Config, source: Source, gitDir: string): void {
  if (config.file === null) return
  const text = encode({ name: config.name, state: config.state, home: config.home, source } satisfies Recipe)
  const path = join(gitDir, recipeName(config.file))
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeAtomic(path, text, false)
}

/** What is remembered for a config file, or null. One that is damaged is none, and `damaged` hears of it. */
export function readLastGood(file: AbsPath, machine: Machine, damaged: (sentence: string) => void): LastGood | null {
  const top = topOf(dirname(file))
  const path = top === null ? null : join(gitDirOf(top), recipeName(file))
  if (path === null || !existsSync(path)) return null
  const recipe = readRecipe(path, damaged)
  if (recipe === null) return null
  const { name, state, home, source } = recipe
  const { hostname: host, platform } = machine
  const nothing = { syntax: () => true, validate: [], smoke: [] }
  const directory = absPath(dirname(file))
  const config: Config = {
    name,
    file,
    modules: [],
    directory,
    home,
    state,
    sources: [source],
    targets: [],
    strategies: [],
    checks: nothing,
    tasks: { before: [], after: [] },
    secrets: [],
    retry: { attempts: 1, after: [] },
    identities: [],
    hostKey: absPath(`${home}/.local/share/gitops/host.key`),
    notify: [],
    audit: absPath(`${state}/audit.log`),
    history: { generations: Infinity, age: Infinity },
    gate: { allow: [], scans: () => true },
    schedule: null,
    host: { host, home, platform, env: process.env },
  }
  const remember = (reason: string): void => {
    const store = storeIn(state, () => {})
    store.saveStatus({ ...store.status(), configBroken: reason }, false)
  }
  return { config, source, remember }
}

function readRecipe(path: string, damaged: (sentence: string) => void): Recipe | null {
  try {
    return decode<Recipe>('recipe', readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof GitopsError) throw error
    damaged(`${path}, which says how the last config that loaded pulls, is damaged and does not count: ${(error as Error).message}`)
    return null
  }
}

/** Forgets how a config pulls its repository. */
export function forgetLastGood(file: AbsPath): void {
  const top = topOf(dirname(file))
  if (top !== null) rmSync(join(gitDirOf(top), recipeName(file)), { force: true })
}

function recipeName(file: AbsPath): string {
  return `gitops-${shortHash(file)}.json`
}

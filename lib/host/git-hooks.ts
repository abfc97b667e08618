import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { git, gitText, type GitOptions } from './git.ts'
import { replaceFile } from './replace.ts'
import { topOf } from './self.ts'

/** Where a repository's hooks lie. */
export interface HookPlace {
  /** The work tree. */
  readonly top: string
  readonly directory: string
  /** A tool starts them by `sh`: they need no executable bit, and are commonly committed. */
  readonly husky: boolean
  /** It lies in the work tree, where the team's files are. */
  readonly committed: boolean
}

/** What stands at the place of a hook: ours alone, ours in somebody's, not ours. */
export type HookState = 'ours' | 'shared' | 'absent'

const SHEBANG = '#!/bin/sh\n'
/** What somebody's hook is called while ours stands in its place. */
const ASIDE = '.before-gitops'
const WHOLE = '# >>> gitops (whole file) >>>\n'
const SHARED = '# >>> gitops >>>\n'
const END = '# <<< gitops <<<\n'

/** Finds the directory that Git, or husky, runs hooks from. Throws `usage` outside of a work tree, or where it is not the repository's own. */
export async function hookPlace(cwd: string): Promise<HookPlace> {
  const top = topOf(cwd)
  if (top === null || !existsSync(join(top, '.git')))
    throw new GitopsError('usage', `${cwd} is in no work tree of Git`, { hint: 'Change to one.' })
  const run: GitOptions = { cwd: top, asUser: true }
  const common = resolve(top, await gitText(['rev-parse', '--git-common-dir'], run))
  const set = await configured(run)
  const named = set === null ? join(common, 'hooks') : resolve(top, set)
  const husky = basename(named) === '_' && basename(dirname(named)) === '.husky'
  const directory = husky ? dirname(named) : named
  const real = realOf(directory)
  if (![common, top].some((own) => real.startsWith(`${realpathSync(own)}${sep}`)))
    throw new GitopsError('usage', `the hooks of this repository lie outside of it, in ${real}`, {
      hint: 'Others may use them, too: nothing was written. Call `gitops validate --staged` and `gitops validate --pre-push` there by hand.',
    })
  return { top, directory, husky, committed: !real.startsWith(`${realpathSync(common)}${sep}`) }
}

/** `core.hooksPath` as the user has it: our own pin of it stands in the scope of the command line. */
async function configured(run: GitOptions): Promise<string | null> {
  const { stdout } = await git(['config', '-z', '--show-scope', '--type=path', '--get-all', 'core.hooksPath'], run)
  const words = stdout.toString().split('\0')
  let last: string | null = null
  for (let at = 0; at + 1 < words.length; at += 2) if (words[at] !== 'command') last = words[at + 1] ?? null
  return last === '' ? null : last
}

function realOf(path: string): string {
  return lstatSync(path, { throwIfNoEntry: false }) === undefined ? join(realOf(dirname(path)), basename(path)) : realpathSync(path)
}

/** What stands at the place of a hook. */
export function hookState({ directory }: HookPlace, name: string): HookState {
  const text = regular(join(directory, name))?.toString('latin1') ?? ''
  return text.includes(WHOLE) ? 'ours' : text.includes(SHARED) ? 'shared' : 'absent'
}

/**
 * Puts `commands`, lines of `sh`, before what a hook does. A shell script gets a marked block; anything else is moved aside and called.
 * Returns whether anything changed. Throws `usage` when the place that it would be moved to is taken.
 */
export function installHook(place: HookPlace, name: string, commands: string): boolean {
  const file = join(place.directory, name)
  mkdirSync(place.directory, { recursive: true })
  const state = hookState(place, name)
  const before = regular(file)
  if (state !== 'absent' && before !== null) {
    const text = before.toString('latin1')
    const { start, end } = blockOf(file, text)
    const after =
      text.slice(0, start) + block(state === 'ours' ? WHOLE : SHARED, commands, state === 'ours' ? name : null) + text.slice(end)
    if (after !== text) replaceFile(file, Buffer.from(after, 'latin1'), { mode: modeOf(file), expected: before })
    return after !== text
  }
  const shell = before === null ? null : insertion(before.toString('latin1'), place.husky || (modeOf(file) & 0o111) !== 0, place.husky)
  if (before !== null && shell !== null) {
    const text = before.toString('latin1')
    const after = text.slice(0, shell) + block(SHARED, commands, null) + text.slice(shell)
    replaceFile(file, Buffer.from(after, 'latin1'), { mode: modeOf(file), expected: before })
    return true
  }
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined) moveAside(file)
  replaceFile(file, Buffer.from(SHEBANG + block(WHOLE, commands, name)), { mode: 0o755, expected: null })
  return true
}

/** Gives back what was there before `installHook`. Returns whether anything changed. Throws `usage` when others have written into our file. */
export function uninstallHook(place: HookPlace, name: string): boolean {
  const file = join(place.directory, name)
  const state = hookState(place, name)
  const before = regular(file)
  if (state === 'absent' || before === null) return false
  const text = before.toString('latin1')
  const { start, end } = blockOf(file, text)
  const rest = text.slice(0, start) + text.slice(end)
  if (state === 'shared') {
    replaceFile(file, Buffer.from(rest, 'latin1'), { mode: modeOf(file), expected: before })
    return true
  }
  if (rest !== SHEBANG)
    throw new GitopsError('usage', `${file} was ours, and has lines of somebody else`, { hint: 'Move them elsewhere, then say it again.' })
  const aside = `${file}${ASIDE}`
  if (lstatSync(aside, { throwIfNoEntry: false }) === undefined) rmSync(file)
  else renameSync(aside, file)
  return true
}

function block(head: string, commands: string, calls: string | null): string {
  const next =
    calls === null ? '' : `if [ -x "$(dirname "$0")/${calls}${ASIDE}" ]; then "$(dirname "$0")/${calls}${ASIDE}" "$@" || exit; fi\n`
  return `${head}${commands}${next}${END}`
}

function blockOf(file: string, text: string): { start: number; end: number } {
  const start = Math.max(text.indexOf(WHOLE), text.indexOf(SHARED))
  const end = text.indexOf(END, start)
  if (end === -1) throw new GitopsError('usage', `${file} has the beginning of our block and not its end`, { hint: 'Take it out by hand.' })
  return { start, end: end + END.length }
}

/** Where a block goes in a script of a shell: after its first line, for it may end early. Null when it is none, or Git does not run it. */
function insertion(text: string, runs: boolean, husky: boolean): number | null {
  if (!runs) return null
  const first = /^#!.*\n/.exec(text)?.[0]
  if (first === undefined) return husky && !text.startsWith('#!') ? 0 : null
  return /^#!\s*(\S*\/)?(env\s+)?(sh|bash|dash|ksh|zsh)(\s+-\w+)*\n$/.test(first) ? first.length : null
}

function moveAside(file: string): void {
  if (lstatSync(`${file}${ASIDE}`, { throwIfNoEntry: false }) !== undefined)
    throw new GitopsError('usage', `${file}${ASIDE} is in the way`, { hint: 'It may be an older hook: move it away.' })
  renameSync(file, `${file}${ASIDE}`)
}

function regular(file: string): Buffer | null {
  return lstatSync(file, { throwIfNoEntry: false })?.isFile() === true ? readFileSync(file) : null
}

function modeOf(file: string): number {
  return lstatSync(file).mode & 0o777
}

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { GitopsError } from '../model/errors.ts'
import { lacking, parseIdentities, type AgeIdentity } from '../secrets/age.ts'
import type { Machine } from './machine.ts'
import { splitWords } from './words.ts'

/** A command that gives keys may ask somebody, but not for ever. In milliseconds. */
const COMMAND_TIMEOUT = 300_000
const MOST_OUTPUT = 1 << 24

type Surroundings = Pick<Machine, 'env' | 'platform' | 'home'>

/**
 * Every age identity of this machine: where sops looks, and in `files`. A place without one, or with one that cannot be
 * used, is in the list too, so that the sentence about a file that does not open can name it; nothing is thrown here.
 */
export async function findIdentities({ env, platform, home }: Surroundings, files: readonly string[] = []): Promise<AgeIdentity[]> {
  const variable = (name: string, read: (value: string) => Promise<AgeIdentity[]>): Promise<AgeIdentity[]> => {
    const value = env[name]
    return value === undefined || value === '' ? Promise.resolve([lacking(name)]) : read(value)
  }
  const all = [
    variable('SOPS_AGE_KEY', (text) => parsed(text, 'SOPS_AGE_KEY', 'space')),
    variable('SOPS_AGE_KEY_FILE', (path) => fromFile(path, `SOPS_AGE_KEY_FILE (${path})`, 'named')),
    variable('SOPS_AGE_KEY_CMD', (command) => fromCommand(command, 'SOPS_AGE_KEY_CMD', env)),
    ...files.map((path) => fromFile(path, path, 'usual')),
    ...defaultFiles(env, platform, home).map((path) => fromFile(path, path, 'usual')),
  ]
  return (await Promise.all(all)).flat()
}

/** Where sops keeps a user's keys. */
function defaultFiles(env: Surroundings['env'], platform: string, home: string): string[] {
  const directory = platform === 'win32' ? env['APPDATA'] : env['XDG_CONFIG_HOME'] || undefined
  const usual = platform === 'win32' ? undefined : join(home, platform === 'darwin' ? 'Library/Application Support' : '.config')
  const base = directory ?? usual
  return base === undefined ? [] : [join(base, 'sops', 'age', 'keys.txt')]
}

/** A file that a variable names must be there; any other place may be empty. */
async function fromFile(path: string, origin: string, kind: 'named' | 'usual'): Promise<AgeIdentity[]> {
  try {
    return await parsed(await readFile(path, 'utf8'), origin)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && kind === 'usual') return [lacking(origin)]
    return [lacking(origin, `${origin} cannot be read: ${code ?? 'error'}`)]
  }
}

async function parsed(text: string, origin: string, separator?: 'space'): Promise<AgeIdentity[]> {
  try {
    const identities = await parseIdentities(text, origin, separator)
    return identities.length === 0 ? [lacking(origin)] : identities
  } catch (error) {
    return [lacking(origin, error instanceof GitopsError ? error.message : 'error')]
  }
}

async function fromCommand(command: string, origin: string, env: Surroundings['env']): Promise<AgeIdentity[]> {
  const [program, ...words] = splitWords(command) ?? []
  if (program === undefined) return [lacking(origin, `${origin} is no command line`)]
  try {
    const { stdout } = await promisify(execFile)(program, words, { env, timeout: COMMAND_TIMEOUT, maxBuffer: MOST_OUTPUT })
    return await parsed(stdout, origin)
  } catch (error) {
    const { code } = error as { code?: number | string }
    const how = typeof code === 'number' ? `exit code ${code}` : (code ?? 'no answer')
    return [lacking(origin, `${origin} failed: ${program}: ${how}`)]
  }
}

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import { Secret } from '../secrets/secret.ts'

/** Identities found in one place; `where` names it for messages. */
export interface FoundIdentities {
  readonly where: string
  readonly text: Secret
}

/** What was found, and every place that was looked at in vain. */
export interface Identities {
  readonly found: readonly FoundIdentities[]
  readonly missing: readonly string[]
}

/** Looks for age identities where sops looks, and in the files that the config names. Throws `environment` for a named file that cannot be read. */
export function findIdentities(files: readonly string[], env: NodeJS.ProcessEnv, platform: string, home: string): Identities {
  const found: FoundIdentities[] = []
  const missing: string[] = []
  const text = env['SOPS_AGE_KEY']
  if (text !== undefined && text !== '') found.push({ where: 'SOPS_AGE_KEY', text: new Secret(text) })
  const named = env['SOPS_AGE_KEY_FILE']
  if (named !== undefined && named !== '') found.push({ where: named, text: readKey(named, 'SOPS_AGE_KEY_FILE') })
  const command = env['SOPS_AGE_KEY_CMD']
  if (command !== undefined && command !== '') found.push({ where: 'SOPS_AGE_KEY_CMD', text: runCommand(command) })
  for (const file of files) {
    if (existsSync(file)) found.push({ where: file, text: readKey(file, 'identities') })
    else missing.push(file)
  }
  const usual = defaultFile(env, platform, home)
  if (existsSync(usual)) found.push({ where: usual, text: readKey(usual, 'the default place') })
  else missing.push(usual)
  return { found, missing }
}

/** Where sops keeps a user's keys. */
function defaultFile(env: NodeJS.ProcessEnv, platform: string, home: string): string {
  const xdg = env['XDG_CONFIG_HOME']
  const base =
    xdg !== undefined && xdg !== '' ? xdg : platform === 'darwin' ? join(home, 'Library/Application Support') : join(home, '.config')
  return join(base, 'sops/age/keys.txt')
}

function readKey(path: string, why: string): Secret {
  try {
    return new Secret(readFileSync(path))
  } catch (cause) {
    throw new GitopsError(
      'environment',
      `the identity file ${path} (${why}) cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'error'}`,
      { hint: 'Mend its path or its permissions.', cause },
    )
  }
}

/** Split at blanks, with quotes; never through a shell. */
function runCommand(command: string): Secret {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? '')
  try {
    return new Secret(execFileSync(words[0] ?? '', words.slice(1), { stdio: ['ignore', 'pipe', 'ignore'], timeout: 60_000 }))
  } catch (cause) {
    throw new GitopsError('environment', `SOPS_AGE_KEY_CMD failed: ${words[0] ?? ''}`, {
      hint: 'Run it by hand and see what it says.',
      cause,
    })
  }
}

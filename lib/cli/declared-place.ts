import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { topOf } from '../host/self.ts'
import { isEncrypted, type Config, type Encrypted } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { configFile, configPlaces, open } from './open.ts'

/** Where the config says that the ciphertext of a live file lies. */
export interface DeclaredPlace {
  readonly secret: Encrypted
  /** Absolute, in the work tree of the secret's source. It need not be there yet. */
  readonly path: string
  /** Files with age identities that the config names. */
  readonly identities: readonly string[]
}

let config: Promise<Config | null> | undefined

/**
 * The place of a live file that the config found from here declares as the `to` of a secret; null when there is no config, or
 * none such. Throws `config` when the config is broken, or the source has no work tree on this machine.
 */
export async function declaredPlace(live: string): Promise<DeclaredPlace | null> {
  config ??= nearestConfig()
  const found = await config
  const secret = found?.secrets.filter(isEncrypted).find(({ to }) => to === live || realPath(to) === realPath(live))
  if (found === null || secret === undefined) return null
  const top = workTree(found, secret)
  const path = join(top, secret.from)
  refuseLinks(secret, top, path)
  return { secret, path, identities: found.identities }
}

/** Git has no path that leads through a link: what were written there would lie elsewhere, and come from no commit. */
function refuseLinks({ name, from }: Encrypted, top: string, path: string): void {
  for (let place = path; place !== top && place !== dirname(place); place = dirname(place)) {
    if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue
    throw new GitopsError(
      'config',
      `secrets.${name}.from leads through ${place}, which is a link: ${from} would lie outside of what Git keeps`,
      {
        hint: 'Put a directory or a file in its place, or name another path.',
      },
    )
  }
}

async function nearestConfig(): Promise<Config | null> {
  if (!configPlaces().some((place) => existsSync(place))) return null
  return (await open(configFile({}))).config
}

function workTree(found: Config, secret: Encrypted): string {
  const source = found.sources.find(({ name }) => name === secret.source)
  const top = source?.directory === null || source === undefined ? null : topOf(source.directory)
  if (top !== null && existsSync(join(top, '.git'))) return top
  throw new GitopsError(
    'config',
    `${secret.to} is the secret ${secret.name}, but its source ${secret.source} (${source?.repo}) has no work tree on this machine`,
    { hint: `Encrypt it into a clone of that repository: gitops encrypt ${secret.to} -o <clone>/${secret.from}` },
  )
}

function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
}

import type { SecretFile } from '../model/config.ts'
import type { AppLock } from '../model/tree.ts'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { expand } from './places.ts'
import type { ConfigInput } from './schema.ts'
import { inside } from './targets.ts'

/** One secret file of the config, checked. Throws `config`, naming the place. */
export function secretOf(
  name: string,
  input: NonNullable<ConfigInput['secrets']>[string],
  source: string,
  home: AbsPath,
  directory: AbsPath,
): SecretFile {
  const { when: _, source: __, ...declared } = input
  return {
    name,
    source,
    from: inside(`secrets.${name}.from`, input.from.replace(/^\.\//, ''), 'file'),
    to: expand(`secrets.${name}.to`, input.to, home, directory),
    strategy: input.strategy ?? 'replace',
    lock: lockOf(name, input),
    adopt: input.adopt ?? 'keep',
    onDrift: input.onDrift ?? 'heal',
    onRemove: input.onRemove ?? 'restore',
    declaration: JSON.stringify(declared),
  }
}

/** An application's lock guards a document that is shared with it; a file that is ours alone needs none. */
function lockOf(name: string, { strategy, lock }: NonNullable<ConfigInput['secrets']>[string]): AppLock | null {
  if (lock !== undefined && strategy !== 'merge')
    throw new GitopsError(
      'config',
      `secrets.${name}.lock: is for a document that an application writes too; say strategy: 'merge', or leave it out`,
    )
  return lock ?? null
}

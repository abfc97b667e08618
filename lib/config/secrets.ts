import type { SecretFile } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { PLAIN_JSON, type AppLock, type CoOwnership } from '../model/lists.ts'
import type { AbsPath } from '../model/path.ts'
import { coOwnershipOf } from './merging.ts'
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
  const as = coOwnershipOf(input.strategy, input.to)
  const lock = lockOf(name, as, input.lock)
  const { when: _, source: __, ...declared } = input
  return {
    name,
    source,
    from: inside(`secrets.${name}.from`, input.from.replace(/^\.\//, ''), 'file'),
    to: expand(`secrets.${name}.to`, input.to, home, directory),
    strategy: as === null ? 'replace' : 'merge',
    as: { ...(as ?? PLAIN_JSON), lock },
    adopt: input.adopt === 'replace' ? 'replace' : 'careful',
    onDrift: input.onDrift ?? 'heal',
    onRemove: input.onRemove ?? 'restore',
    declaration: JSON.stringify(declared),
  }
}

/** An application's lock guards a document that is shared with it; a file that is ours alone needs none. */
function lockOf(name: string, as: CoOwnership | null, lock: AppLock | undefined): AppLock | null {
  if (lock !== undefined && as === null)
    throw new GitopsError(
      'config',
      `secrets.${name}.lock: is for a document that an application writes too; say strategy: 'merge', or leave it out`,
    )
  return lock ?? as?.lock ?? null
}

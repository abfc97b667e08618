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
    place: `secrets.${name}`,
    source,
    plain: null,
    optional: false,
    protects: [],
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

/** One plain file of the config whose keys go to a document, checked. Throws `config`, naming the place. */
export function documentOf(
  name: string,
  input: NonNullable<ConfigInput['documents']>[string],
  source: string,
  home: AbsPath,
  directory: AbsPath,
): SecretFile {
  const { when: _, source: __, ...declared } = input
  const place = `documents.${name}`
  return {
    name,
    place,
    source,
    from: null,
    plain: inside(`${place}.from`, input.from.replace(/^\.\//, ''), 'file'),
    optional: input.optional ?? false,
    protects: input.protect ?? [],
    to: expand(`${place}.to`, input.to, home, directory),
    strategy: 'merge',
    as: coOwnershipOf(input.strategy ?? 'merge', input.to) ?? PLAIN_JSON,
    adopt: 'careful',
    onDrift: input.onDrift ?? 'heal',
    onRemove: input.onRemove ?? 'restore',
    declaration: JSON.stringify(declared),
  }
}

/** A document that gets keys from a secret and from a plain file is one thing: it has one owner. Throws `config` where the two do not agree. */
export function joined(secrets: readonly SecretFile[], documents: readonly SecretFile[]): SecretFile[] {
  const rest = documents.filter(({ to }) => !secrets.some((secret) => secret.to === to))
  const both = secrets.map((secret) => {
    const document = documents.find(({ to }) => to === secret.to)
    if (document === undefined) return secret
    const differs = (['source', 'strategy', 'as', 'onDrift', 'onRemove'] as const).find(
      (key) => JSON.stringify(secret[key]) !== JSON.stringify(document[key]),
    )
    if (differs !== undefined)
      throw new GitopsError(
        'config',
        `${document.place}: goes to ${secret.to} as ${secret.place} does, and must say the same of ${differs === 'as' ? 'strategy and lock' : differs}; a document has one owner`,
      )
    const { plain, optional, protects } = document
    return { ...secret, plain, optional, protects, declaration: `${secret.declaration}\n${document.declaration}` }
  })
  return [...both, ...rest]
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

import type { SecretFile } from '../model/config.ts'
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
    adopt: input.adopt ?? 'keep',
    onDrift: input.onDrift ?? 'heal',
    onRemove: input.onRemove ?? 'restore',
    declaration: JSON.stringify(declared),
  }
}

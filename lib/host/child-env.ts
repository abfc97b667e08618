import { delimiter, isAbsolute } from 'node:path'

type Variables = Readonly<Record<string, string | undefined>>

/** The variables for a program that we start: without the private key, for which it has no need. */
export function withoutKey(env: Variables): NodeJS.ProcessEnv {
  const { SOPS_AGE_KEY: _, ...rest } = env
  return rest
}

/** The same for a program that is looked for by its name, by the system and not by us: nothing is found in the working directory. */
export function withSafePath(env: Variables): NodeJS.ProcessEnv {
  const rest = withoutKey(env)
  for (const [name, value] of Object.entries(rest)) {
    if (name.toUpperCase() === 'PATH') rest[name] = value?.split(delimiter).filter(isAbsolute).join(delimiter)
  }
  return rest
}

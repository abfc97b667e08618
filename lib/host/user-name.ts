/** A URL without the user name that stands in it, and the variables that give Git that name by another way. */
export interface Unnamed {
  readonly url: string
  readonly env: Readonly<Record<string, string>>
}

/**
 * Takes the user name out of an HTTP URL: it may be a token, and Git shows the URL in the arguments of each of its processes.
 * Git gets it as a setting for that host, in its environment. A name with an empty password (`name:@`) is sent without asking for one.
 */
export function withoutUserName(url: string, env: Readonly<Record<string, string | undefined>>): Unnamed {
  const match = /^(https?:\/\/)([^/?#@:]+)(:?)@([^/?#]+)(.*)$/i.exec(url)
  if (match === null) return { url, env: {} }
  const [, scheme = '', name = '', colon = '', host = '', rest = ''] = match
  const about = `credential.${scheme.toLowerCase()}${host}`
  const settings: [string, string][] = [[`${about}.username`, decoded(name)]]
  // An empty one first forgets the user's own helpers: there is nothing to ask them.
  if (colon !== '') settings.push([`${about}.helper`, ''], [`${about}.helper`, '!f() { echo password=; }; f'])
  const known = Number(env['GIT_CONFIG_COUNT']) || 0
  const variables = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${known + index}`, key],
    [`GIT_CONFIG_VALUE_${known + index}`, value],
  ])
  return { url: scheme + host + rest, env: { ...Object.fromEntries(variables), GIT_CONFIG_COUNT: String(known + settings.length) } }
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

/** Whether a file's name says that it is a document with keys. */
export function isDocument(path: string): boolean {
  return /\.(?:json|ya?ml|toml)$/i.test(path)
}

/**
 * The keys, as dotted paths, that a live document has and ours lacks: what replacing it would lose.
 * Null when the live document does not parse, so that nobody can tell.
 */
export async function lostKeys(path: string, live: string, ours: string): Promise<readonly string[] | null> {
  try {
    const before = await parse(path, live)
    return missing(before, await parse(path, ours).catch(() => null), [])
  } catch {
    return null
  }
}

async function parse(path: string, text: string): Promise<unknown> {
  const plain = text.replace(/^\uFEFF/, '')
  if (/\.json$/i.test(path)) return plain.trim() === '' ? null : JSON.parse(plain)
  if (/\.toml$/i.test(path)) return (await import('smol-toml')).parse(plain)
  return (await import('yaml')).parse(plain, { logLevel: 'error', maxAliasCount: 100 })
}

function missing(live: unknown, ours: unknown, at: readonly string[]): string[] {
  if (!isObject(live)) return []
  return Object.keys(live).flatMap((key) => {
    const path = [...at, key]
    return isObject(ours) && Object.hasOwn(ours, key) ? missing(live[key], ours[key], path) : [path.join('.')]
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

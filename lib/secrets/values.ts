/** Shorter values would hide half of every message. */
const SHORTEST = 6

/** The values in a plaintext that must not be printed: the leaves of a JSON document, and what stands after `:` or `=` on each line of any other. */
export function secretValues(plaintext: Buffer): string[] {
  const text = plaintext.toString('utf8')
  return leavesOf(text).filter((value) => value.length >= SHORTEST)
}

function leavesOf(text: string): string[] {
  try {
    return leaves(JSON.parse(text))
  } catch {
    return text.split('\n').flatMap((line) => [
      line.trim(),
      line
        .replace(/^[^:=]*[:=]/, '')
        .trim()
        .replace(/^(["'])(.*)\1$/, '$2'),
    ])
  }
}

function leaves(value: unknown): string[] {
  if (typeof value === 'string') return [value, JSON.stringify(value).slice(1, -1)]
  if (typeof value === 'number') return [String(value)]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : []
}

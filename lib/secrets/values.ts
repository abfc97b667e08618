import { readJson } from '../model/json.ts'

/** Shorter values would hide half of every message. */
const SHORTEST = 6

/**
 * The values in a plaintext that must not be printed: the leaves of a JSON document, and what stands after `:`, `=` or `- ` on each
 * line of any other. Each of their lines counts by itself: of a key with many lines a command may print one.
 */
export function secretValues(plaintext: Buffer): string[] {
  const text = plaintext.toString('utf8')
  const values = leavesOf(text)
  const lines = values.flatMap((value) => value.split('\n').map((line) => line.trim()))
  return [...new Set([...values, ...lines])].filter((value) => value.length >= SHORTEST)
}

function leavesOf(text: string): string[] {
  try {
    // A program may print a number as it is written, or as JavaScript would.
    return [...leaves(readJson(text)), ...leaves(JSON.parse(text))]
  } catch {
    return text.split('\n').flatMap((line) => [
      line.trim(),
      line.trim().replace(/^- /, ''),
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

import type { BaseIssue } from 'valibot'
import { schema } from './schema.ts'

/** Every fault of a config, one line each: the place, what is wrong there, what would be right. */
export function complaints(issues: readonly BaseIssue<unknown>[]): string {
  return issues.map((issue) => `  ${complaint(issue)}`).join('\n')
}

function complaint(issue: BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map((item) => String(item.key))
  const place = path.length === 0 ? 'the config' : path.join('.')
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    const above = path.slice(0, -1)
    const names = keysAt(above)
    const meant = nearest(path.at(-1) ?? '', names)
    return `${place}: unknown key; ${meant === null ? `known here: ${names.join(', ')}` : `did you mean ${JSON.stringify(meant)}?`}`
  }
  if (issue.type === 'strict_object') return `${place}: is missing`
  if (issue.received === 'undefined') return `${place}: is missing; it ${issue.message}`
  return `${place}: ${issue.message}`
}

/** The known name that is at most two edits away, or null. */
function nearest(name: string, names: readonly string[]): string | null {
  const ranked = names.map((known) => ({ known, far: distance(name.toLowerCase(), known.toLowerCase()) })).toSorted((a, b) => a.far - b.far)
  const best = ranked[0]
  return best !== undefined && best.far <= 2 ? best.known : null
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The keys that the schema knows at a place, for "did you mean". */
function keysAt(place: readonly string[]): readonly string[] {
  let at: unknown = schema
  for (const key of place) at = step(at, key)
  const entries = unwrap(at)['entries']
  return typeof entries === 'object' && entries !== null ? Object.keys(entries) : []
}

function step(at: unknown, key: string): unknown {
  const node = unwrap(at)
  const entries = node['entries'] as Record<string, unknown> | undefined
  return entries?.[key] ?? node['value'] ?? node['item']
}

/** The schema with the keys, inside what makes it optional, one of several, or a pipe. */
function unwrap(at: unknown): Record<string, unknown> {
  const node = (at ?? {}) as Record<string, unknown>
  if ('entries' in node || 'value' in node || 'item' in node) return node
  const { wrapped, pipe, options } = node
  const inner = [wrapped, ...(Array.isArray(pipe) ? pipe : []), ...(Array.isArray(options) ? options : [])]
  return (
    inner
      .filter((each) => typeof each === 'object' && each !== null)
      .map(unwrap)
      .find((each) => each !== node && Object.keys(each).length > 0) ?? {}
  )
}

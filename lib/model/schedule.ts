import { GitopsError } from './errors.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * `'90s'`, `'5m'`, `'250ms'` … in milliseconds; a bare number is seconds. Throws `config` for anything else, zero included,
 * and for more than `most`, unless given the longest that a timer can wait.
 */
export function duration(text: string, most = 2 ** 31 - 1): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$/.exec(text.trim())
  const value = match === null ? 0 : Number(match[1]) * (UNITS[match[2] ?? 's'] ?? 0)
  if (!(value > 0) || value > most) throw new GitopsError('config', `${JSON.stringify(text)} is not a duration such as '90s' or '5m'`)
  return value
}

/** A span of milliseconds as people say it: `0.4s`, `12s`, `3m`, `5h`, `2d`. */
export function span(ms: number): string {
  if (ms < 10_000) return `${(Math.max(0, ms) / 1000).toFixed(1)}s`
  if (ms < 120_000) return `${Math.round(ms / 1000)}s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)}m`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)}h`
  return `${Math.round(ms / 86_400_000)}d`
}

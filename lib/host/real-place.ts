import { realpathSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { statOf } from './live.ts'

/** A path with links resolved above its last part, as far as it is there: two names of one place are one. */
export function realPlace(path: string): string {
  const above = dirname(path)
  if (above === path) return path
  return join(statOf(above) === null ? realPlace(above) : realpathSync(above), basename(path))
}

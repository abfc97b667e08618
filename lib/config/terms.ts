import * as v from 'valibot'
import type { Host } from '../model/context.ts'
import { object } from './shape.ts'

/** A text that is not empty. */
export const text = (what: string) => v.pipe(v.string(`must be ${what}`), v.nonEmpty(`must be ${what}`))
/** Paths by their pattern. */
export const globs = v.array(text("a glob such as '**/*.md'"), 'must be a list of globs')
const hosts = v.union([text('a name'), v.array(text('a name'))], 'must be a name or a list of names')
/** On which hosts a part of the config counts, as the config is judged. */
export const when = v.union(
  [v.boolean(), object({ host: v.optional(hosts), platform: v.optional(hosts) }), v.custom<(host: Host) => boolean>(isFunction)],
  'must be true, false, { host, platform } or a function of { host, home, platform, env }',
)
/** The answers to drift, for sentences. */
export const DRIFT = "'heal', 'keep' or 'refuse'"
/** What becomes of what somebody else has changed. */
export const onDrift = v.picklist(['heal', 'keep', 'refuse'], `must be ${DRIFT}`)

/** Whether a value can be called. */
export function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

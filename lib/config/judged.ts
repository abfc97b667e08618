import * as v from 'valibot'
import { GitopsError } from '../model/errors.ts'
import { complaints } from './complain.ts'
import { schema, type ConfigInput } from './schema.ts'

/** What a config says, with its shape checked. Throws `config` with one line a fault. */
export function judged(raw: unknown, where: string): ConfigInput {
  const parsed = v.safeParse(schema, raw)
  if (!parsed.success) {
    throw new GitopsError('config', `${where} is not a valid configuration:\n${complaints(parsed.issues)}`)
  }
  refuseDropped(raw, parsed.output, '', where)
  return parsed.output
}

/** Valibot leaves out keys such as `constructor` without a word. */
function refuseDropped(raw: unknown, parsed: unknown, place: string, where: string): void {
  if (typeof raw !== 'object' || raw === null || typeof parsed !== 'object' || parsed === null) return
  for (const [key, value] of Object.entries(raw)) {
    if (!Object.hasOwn(parsed, key))
      throw new GitopsError(
        'config',
        `${where} is not a valid configuration:\n  ${place}${key}: cannot be used as a name; choose another one`,
      )
    refuseDropped(value, (parsed as Record<string, unknown>)[key], `${place}${key}.`, where)
  }
}

import type { Config, Notifier, Schedule } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'
import { duration } from '../model/schedule.ts'
import { matcher } from './globs.ts'
import { EVENTS, type ConfigInput } from './schema.ts'

/** When scheduled runs are due; `override` is GITOPS_CHECK_INTERVAL. Throws `config`. */
export function scheduleOf(override: string | undefined, schedule: ConfigInput['schedule']): Schedule | null {
  if (override !== undefined) {
    try {
      return { kind: 'every', every: duration(override) }
    } catch (cause) {
      throw new GitopsError(
        'config',
        `GITOPS_CHECK_INTERVAL: ${JSON.stringify(override)} is not a number of seconds or a duration such as '5m'`,
        { cause },
      )
    }
  }
  if (schedule === undefined) return null
  const { every, cron, timeZone } = schedule
  if (every !== undefined && cron !== undefined) throw new GitopsError('config', 'schedule: has both every and cron; keep one')
  if (every !== undefined) return { kind: 'every', every: duration(every) }
  if (cron === undefined)
    throw new GitopsError('config', "schedule.every: is missing; it must be a duration such as '30s', or give cron in its place")
  return { kind: 'cron', cron, timeZone: timeZone ?? null }
}

/** Which generations a source keeps. */
export function historyOf({ generations = 20, age = '90d' }: NonNullable<ConfigInput['history']> = {}): Config['history'] {
  return { generations, age: duration(age, Infinity) }
}

/** One notifier of the config, checked. Throws `config`, naming the place. */
export function notifierOf(input: NonNullable<ConfigInput['notify']>[number], index: number): Notifier {
  const send = input.run ?? input.send
  if (send === undefined || (input.run !== undefined && input.send !== undefined)) {
    throw new GitopsError('config', `notify.${index}: must have either run, a shell command, or send, a function`)
  }
  return {
    name: input.name ?? (typeof send === 'string' ? send : `notify.${index}`),
    on: input.on ?? EVENTS,
    send,
    timeout: duration(input.timeout ?? '30s'),
  }
}

/** Which files the built-in syntax check looks at. Throws `config`. */
export function syntaxOf(syntax: NonNullable<ConfigInput['checks']>['syntax']): (path: string) => boolean {
  if (typeof syntax === 'object') {
    const exclude = matcher('checks.syntax.exclude', syntax.exclude)
    return (path) => !exclude(path)
  }
  return () => syntax ?? true
}

/** What the gate lets pass, with its globs as predicates. Throws `config`. */
export function gateOf(input: ConfigInput['gate']): Config['gate'] {
  return {
    allow: (input?.allow ?? []).map(({ rule, path, reason, digest }, index) => {
      return { rule, glob: path, path: matcher(`gate.allow.${index}.path`, [path]), reason, digest: digest ?? null }
    }),
    scans: not(matcher('gate.scan.exclude', input?.scan?.exclude ?? [])),
  }
}

function not(predicate: (path: string) => boolean): (path: string) => boolean {
  return (path) => !predicate(path)
}

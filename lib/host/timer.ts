import { createRequire } from 'node:module'
import type { Schedule } from '../model/config.ts'
import { GitopsError } from '../model/errors.ts'

/** When the next run is due: after `started` for an interval, never before `now`. Throws `config` for a cron expression with no next date. */
export function nextRun(schedule: Schedule, started: Date, now: Date): Date {
  if (schedule.kind === 'every') return new Date(Math.max(started.getTime() + schedule.every, now.getTime()))
  return nextCron(schedule, now)
}

function nextCron({ cron, timeZone }: Extract<Schedule, { kind: 'cron' }>, now: Date): Date {
  // Loaded here: it brings a calendar of several megabytes that only a scheduled run needs.
  const { CronTime } = createRequire(import.meta.url)('cron') as typeof import('cron')
  try {
    return new CronTime(cron, timeZone ?? undefined).getNextDateFrom(now, timeZone ?? undefined).toJSDate()
  } catch (cause) {
    throw new GitopsError(
      'config',
      `schedule.cron: ${JSON.stringify(cron)}${timeZone === null ? '' : ` in ${timeZone}`} is never due: ${(cause as Error).message.split('\n')[0]}`,
      {
        hint: "Write five fields, such as '*/5 * * * *', and a zone such as 'Europe/Paris'.",
        cause,
      },
    )
  }
}

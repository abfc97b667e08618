import { GitopsError } from '../lib/model/errors.ts'
import { span } from '../lib/model/schedule.ts'
import type { Wish } from '../lib/model/state.ts'
import { knownOf } from './hold.ts'
import type { Run, Unit } from './run.ts'

/** Why nothing is done for a unit, while a person wants that; null otherwise. */
export function suspension(run: Run, unit: Unit): GitopsError | null {
  const { suspended } = knownOf(run, unit.name)
  if (suspended === null) return null
  return new GitopsError('suspended', `suspended ${wished(suspended, run.host.now())}; nothing is done, drift included`, {
    hint: '`gitops resume` ends that.',
  })
}

/** `2h ago by NAME: reason`; without a time where what is said is compared with what was said before. */
export function wished({ at, by, reason }: Wish, now: Date | null): string {
  return `${now === null ? '' : `${span(now.getTime() - Date.parse(at))} ago `}by ${by}${reason === null ? '' : `: ${reason}`}`
}

/** What whoever has changed something of suspended sources by hand should know. */
export function stillSuspended(run: Pick<Run, 'status'>, source: string): string[] {
  const { suspended } = knownOf(run, source)
  return suspended === null ? [] : [`${source} is suspended ${wished(suspended, null)}; nothing is done for it until \`gitops resume\`.`]
}

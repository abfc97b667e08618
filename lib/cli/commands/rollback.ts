import { Option } from 'commander'
import { GitopsError } from '../../model/errors.ts'
import type { Run } from '../../../tasks/run.ts'
import { stillSuspended } from '../../../tasks/suspension.ts'
import { takeBackTo } from '../../../tasks/take-back.ts'
import { complain } from '../messages.ts'
import { leavingLines } from '../leaving-lines.ts'
import { configOption, waitOption, type ConfigOptions, type WaitOptions } from '../config-option.ts'
import { onState } from '../on-state.ts'
import type { Verb } from '../program.ts'

interface RollbackOptions extends ConfigOptions, WaitOptions {
  readonly source?: string
  readonly target?: string
  readonly to?: 'original'
}

/** `gitops rollback`. */
export const rollbackCommand: Verb<RollbackOptions> = {
  name: 'rollback',
  summary: 'put back what was there before the last applied revision, and hold that revision',
  arguments: [['[generation]', 'go back to the state of this one, as `gitops history` numbers them']],
  options: [
    new Option('--source <name>', 'what was applied last from this source'),
    new Option('--target <name>', 'what was applied last from the source that feeds this target or secret'),
    new Option('--to <state>', 'back to what was there before us, all of it').choices(['original']),
    waitOption,
    configOption,
  ],
  async run({ source = null, target = null, to, ...rest }, [number]) {
    let generation: number | null
    try {
      if (to !== undefined && (number !== undefined || target !== null))
        throw new GitopsError('usage', '--to original is about whole sources, and about no generation', {
          hint: 'Leave the rest away, or say --source.',
        })
      generation = number === undefined ? null : generationOf(number)
    } catch (error) {
      return complain(error as Error)
    }
    return onState(rest, (run) => (to === undefined ? takeBackTo(run, { generation, source, target }) : toOriginal(run, source)))
  },
}

async function toOriginal(run: Run, source: string | null): Promise<string[]> {
  const { leave } = await import('../../../tasks/leave.ts')
  const units = await leave(run, { source, all: true, hold: true })
  if (units.length === 0) throw new GitopsError('no-such-path', 'nothing here is ours', { hint: 'Nothing was changed.' })
  return [
    ...leavingLines(units),
    `What was there before us is back, as generation ${units.map(({ generation }) => generation?.number).join(', ')}. What was applied is held.`,
    ...units.flatMap(({ name }) => stillSuspended(run, name)),
  ]
}

function generationOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new GitopsError('usage', `${JSON.stringify(text)} is not the number of a generation`, { hint: '`gitops history` lists them.' })
}

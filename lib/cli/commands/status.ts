import { Option } from 'commander'
import { holder } from '../../host/lock.ts'
import { short, type Sha } from '../../model/path.ts'
import { span } from '../../model/schedule.ts'
import { GitopsError } from '../../model/errors.ts'
import { storeIn } from '../../host/store.ts'
import { lastGood } from '../pull-fix.ts'
import { session } from '../../../tasks/session.ts'
import { brokenReport, statusOf, type Report } from '../../../tasks/status.ts'
import { handedOver, handOver } from '../handover.ts'
import { complain, print, styled } from '../messages.ts'
import { sourceLines } from '../source-lines.ts'
import { configOption, type ConfigOptions } from '../config-option.ts'
import { configFile, configPlaces, interruptible, open } from '../open.ts'
import type { Verb } from '../program.ts'
import type { Rendering } from '../../../tasks/session.ts'

interface StatusOptions extends ConfigOptions {
  readonly json?: boolean
  readonly exitCode?: boolean
  readonly fetch?: boolean
}

/** `gitops status`. */
export const statusCommand: Verb<StatusOptions> = {
  name: 'status',
  summary: 'what is applied, what has drifted, what is held, and how old that knowledge is',
  options: [
    new Option('--fetch', 'ask the sources first; otherwise what was fetched last is compared'),
    new Option(
      '--exit-code',
      'exit 1 when the last attempt failed, 3 for drift or changes, 5 for what is refused or held, 4 when a person is needed',
    ),
    new Option('--json', 'one JSON object'),
    configOption,
  ],
  async run(options) {
    const signal = interruptible()
    const given = handedOver()
    try {
      const { config, machine } = await open(configFile(options), given?.incoming)
      const fetch = options.fetch ?? false
      const beginning = {
        dry: true,
        fetch,
        allowShrink: false,
        signal,
        machine,
        handedOver: given,
        wait: fetch ? 10_000 : null,
      }
      const { run, verdict, code } = await session(config, beginning, { renderer: 'silent' } as unknown as Rendering, {
        handOver: (begun) => handOver(begun, signal),
      })
      if (verdict === null) return code
      const report = statusOf(run, holder(config.state, machine))
      print(options.json ? JSON.stringify(report) : drawn(report, new Date()))
      return options.exitCode ? report.exitCode : 0
    } catch (error) {
      return showBroken(options, error as Error, given?.incoming?.commit ?? null)
    }
  },
}

/** A config that does not load, where one did before: what is still known is told, and the error. */
function showBroken(options: StatusOptions, error: Error, configFrom: Sha | null): number {
  const known =
    error instanceof GitopsError && error.code === 'config'
      ? lastGood(options.config === undefined ? configPlaces() : [configFile(options)])
      : null
  if (known !== null) {
    const report = brokenReport(
      known.config,
      storeIn(known.config.state, () => {}),
      error.message,
      configFrom,
    )
    print(options.json ? JSON.stringify(report) : drawn(report, new Date()))
  }
  return complain(error)
}

function drawn(report: Report, now: Date): string {
  const ago = (at: string | null): string => (at === null ? 'never' : `${span(now.getTime() - Date.parse(at))} ago`)
  const lines = [styled('bold', report.name) + styled('dim', `  ${report.config ?? ''}`)]
  if (report.configFrom !== null)
    lines.push(styled('yellow', `What would be is judged by the config of ${short(report.configFrom)}, which is not on disk yet.`))
  if (report.running !== null) lines.push(styled('yellow', `A run is under way: ${report.running}`))
  if (report.interrupted) lines.push(styled('red', 'A run was killed half-way; the next `gitops reconcile` undoes it first.'))
  if (report.configBroken !== null)
    lines.push(styled('red', 'The config on disk does not load; what was applied before stays, and a fix is still pulled.'))
  for (const source of report.sources) lines.push('', ...sourceLines(source, report, ago))
  lines.push('', styled('dim', `Last run ${ago(report.lastRun)}.`))
  return lines.map((line) => line.replace(/[^\S\n]+$/, '')).join('\n')
}

import { Option } from 'commander'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { removeEmptyState, removeState, type Remains, type Stayed } from '../../host/remove-state.ts'
import type { Config } from '../../model/config.ts'
import { GitopsError, printable } from '../../model/errors.ts'
import { begin } from '../../../tasks/begin.ts'
import { leave } from '../../../tasks/leave.ts'
import { remainsOf } from '../../../tasks/remains.ts'
import { planned } from '../../../tasks/run.ts'
import { configOption, patience, waitOption, type ConfigOptions, type WaitOptions } from '../config-option.ts'
import { isLeft, leavingLines } from '../leaving-lines.ts'
import { complain, print } from '../messages.ts'
import { configFile, interruptible, open, type Opened } from '../open.ts'
import type { Verb } from '../program.ts'

interface UninstallOptions extends ConfigOptions, WaitOptions {
  readonly yes?: boolean
  readonly purge?: boolean
  readonly dryRun?: boolean
}

/** `gitops uninstall`. */
export const uninstallCommand: Verb<UninstallOptions> = {
  name: 'uninstall',
  summary: 'take our files away, put back what was there before us, and forget this config',
  options: [
    new Option('-y, --yes', 'do not ask'),
    new Option('--dry-run', 'only tell what would be done'),
    new Option('--purge', 'also the older copies of what people wrote, and the audit trail'),
    waitOption,
    configOption,
  ],
  async run({ yes = false, purge = false, dryRun = false, ...rest }) {
    try {
      const opened = await readConfig(rest)
      const signal = interruptible()
      if (dryRun || !yes) for (const line of await foretold(opened, signal)) print(line)
      if (dryRun) return 0
      if (!yes && !(await agreed())) {
        print('Nothing was changed.')
        return 0
      }
      for (const line of await uninstall(opened, signal, { purge, wait: patience(rest) })) print(line)
      return 0
    } catch (error) {
      return complain(error as Error)
    }
  },
}

/** Throws `config` or `usage` as whoever reads a config does, and says what that means here. */
async function readConfig(options: ConfigOptions): Promise<Opened> {
  try {
    return await open(configFile(options))
  } catch (error) {
    if (!(error instanceof GitopsError)) throw error
    const why =
      'Nothing was changed: only with its config is it known what is ours. Mend it, or name an older one with --config, and say this again.'
    throw new GitopsError(error.code, error.message, { cause: error, hint: [error.hint, why].filter(Boolean).join(' ') })
  }
}

async function foretold({ config, machine }: Opened, signal: AbortSignal): Promise<string[]> {
  const { run } = await begin(config, { dry: true, fetch: false, allowShrink: false, signal, machine, handedOver: null, wait: null })
  const units = await leave(run, { source: null, all: false, hold: false })
  return [...run.notes, ...leavingLines(units), `Then the state in ${config.state} would go.`]
}

/** Asks at the terminal. Throws `usage` where there is none. */
async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new GitopsError('usage', 'there is no terminal to ask whether this is meant', {
      hint: 'Say `gitops uninstall --yes`. Nothing was changed.',
    })
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(?:es)?$/i.test((await terminal.question('Go on? [y/N] ')).trim())
  } finally {
    terminal.close()
  }
}

/** Throws `stuck`: by now the files are back, and the machine is not as it was. */
function forget(config: Config, remains: () => Remains): Stayed {
  try {
    return removeState(config, remains())
  } catch (error) {
    throw new GitopsError('stuck', `what was there before us is back, but ${config.state} cannot be removed: ${(error as Error).message}`, {
      hint: 'Mend that, then run `gitops uninstall` once more.',
      cause: error,
    })
  }
}

/** What an inventory that was set aside knew is not known here. */
function asideLines(aside: readonly string[]): string[] {
  return [
    'Uninstalled: what this state knew to be there before us is back. An earlier state was set aside, and what only that one knew is not: it stays, with every copy that it names:',
    ...aside.map((path) => `  ${path}`),
  ]
}

async function uninstall(
  { config, machine }: Opened,
  signal: AbortSignal,
  { purge, wait }: { purge: boolean; wait: number },
): Promise<string[]> {
  const { run, lock } = await begin(config, {
    dry: false,
    fetch: false,
    allowShrink: false,
    signal,
    machine,
    handedOver: null,
    wait,
  })
  const said: string[] = []
  try {
    const units = await leave(run, { source: null, all: false, hold: false })
    const { copies, aside } = forget(config, () => remainsOf(run, units, purge))
    said.push(...run.notes, ...leavingLines(units))
    const left = units.flatMap(planned).filter(isLeft)
    const but = left.length === 0 ? '' : `, but for ${left.map(({ name }) => name).join(', ')}: left as declared`
    if (aside.length === 0) said.push(printable(`Uninstalled: what was there before us is back${but}.`))
    else said.push(...asideLines(aside))
    if (copies)
      said.push(`Copies of what people wrote stay in ${config.state}: kept.txt there says what they are, \`gitops kept\` prints them.`)
    if (existsSync(config.audit)) said.push(`The audit trail stays: ${config.audit}`)
    if (existsSync(config.hostKey)) said.push(`The host key stays, for other configs may use it: ${config.hostKey}`)
    said.push('A schedule that still runs `gitops reconcile` installs all of it again.')
  } finally {
    lock?.release()
  }
  try {
    removeEmptyState(config)
  } catch (error) {
    said.push(`An empty directory of ours stays: ${(error as Error).message}`)
  }
  return said
}

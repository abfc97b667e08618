import { Command, CommanderError, type Option } from 'commander'
import { readFileSync } from 'node:fs'
import { GitopsError } from '../model/errors.ts'
import { complain } from './messages.ts'
import { lostOutput, put, watchOutput } from './output.ts'
import { sopsHabit } from './sops-habits.ts'

/** Each command's file, loaded when its name is typed; help loads them all. */
const COMMANDS: Readonly<Record<string, () => Promise<Verb<never>>>> = {
  reconcile: async () => (await import('./commands/reconcile.ts')).reconcileCommand,
  status: async () => (await import('./commands/status.ts')).statusCommand,
  validate: async () => (await import('./commands/validate.ts')).validateCommand,
  ci: async () => (await import('./commands/ci.ts')).ciCommand,
  hooks: async () => (await import('./commands/hooks.ts')).hooksCommand,
  test: async () => (await import('./commands/test.ts')).testCommand,
  diff: async () => (await import('./commands/diff.ts')).diffCommand,
  history: async () => (await import('./commands/history.ts')).historyCommand,
  rollback: async () => (await import('./commands/rollback.ts')).rollbackCommand,
  uninstall: async () => (await import('./commands/uninstall.ts')).uninstallCommand,
  retry: async () => (await import('./commands/retry.ts')).retryCommand,
  pin: async () => (await import('./commands/pin.ts')).pinCommand,
  unpin: async () => (await import('./commands/pin.ts')).unpinCommand,
  suspend: async () => (await import('./commands/suspend.ts')).suspendCommand,
  resume: async () => (await import('./commands/suspend.ts')).resumeCommand,
  watch: async () => (await import('./commands/watch.ts')).watchCommand,
  capture: async () => (await import('./commands/capture.ts')).captureCommand,
  kept: async () => (await import('./commands/kept.ts')).keptCommand,
  audit: async () => (await import('./commands/audit.ts')).auditCommand,
  decrypt: async () => (await import('./commands/decrypt.ts')).decryptCommand,
  edit: async () => (await import('./commands/edit.ts')).editCommand,
  get: async () => (await import('./commands/get.ts')).getCommand,
  set: async () => (await import('./commands/set.ts')).setCommand,
  rotate: async () => (await import('./commands/rotate.ts')).rotateCommand,
  'exec-env': async () => (await import('./commands/exec-env.ts')).execEnvCommand,
  'git-diff': async () => (await import('./commands/git-diff.ts')).gitDiffCommand,
  unset: async () => (await import('./commands/unset.ts')).unsetCommand,
  encrypt: async () => (await import('./commands/encrypt.ts')).encryptCommand,
  why: async () => (await import('./commands/why.ts')).whyCommand,
  filestatus: async () => (await import('./commands/filestatus.ts')).filestatusCommand,
}

/** One command: its name, its one line of help, its options, and what it does. It returns the exit code. */
export interface Verb<Options> {
  readonly name: string
  readonly summary: string
  readonly arguments?: readonly (readonly [name: string, help: string])[]
  readonly options: readonly Option[]
  readonly run: (options: Options, args: readonly string[]) => Promise<number>
}

/** Parses the command line, runs one command and sets the exit code. The only place that ends the process's work. */
export async function run(argv: readonly string[]): Promise<void> {
  watchOutput()
  const program: Command = new Command('gitops')
    .description('Keeps files on this machine equal to what Git says, and takes itself back when something is wrong.')
    .version(version(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand(false)
    // Names only: what each takes is on its own page.
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .action(() => program.help())
    .configureOutput({ outputError: () => {}, writeOut: put })
  const name = argv.slice(2).find((word) => !word.startsWith('-'))
  for (const [known, load] of Object.entries(COMMANDS)) if (name === undefined || name === known) add(program, await load())
  try {
    // `gitops nosuch --help` must not print the general help as if all were well.
    if (name !== undefined && !Object.hasOwn(COMMANDS, name))
      // What stands behind `--set` of sops is a value.
      program.error(`error: unknown command${/^[\w./-]+$/.test(name) ? ` '${name}'` : ''}. Known: ${Object.keys(COMMANDS).join(', ')}.`)
    await program.parseAsync(argv)
  } catch (error) {
    if (!(error instanceof CommanderError)) process.exitCode = complain(error as Error)
    else if (error.exitCode === 0) process.exitCode = 0
    else process.exitCode = complain(misused(error, argv.slice(2), name ?? ''), RECONCILES.has(name ?? '') && argv.includes('--json'))
  }
  const lost = await lostOutput()
  const code = lost === null ? 0 : complain(lost)
  process.exitCode ||= code
}

/** The commands whose `--json` ends in a verdict, whatever happens. */
const RECONCILES: ReadonlySet<string> = new Set(['reconcile', 'retry'])

function misused(error: CommanderError, words: readonly string[], name: string): GitopsError {
  // What is too much may be a secret.
  const message = error.message.replace(/^error: /, '').replace(/^(too many arguments .*? but got \d+):.*/s, '$1.')
  return new GitopsError('usage', message, { hint: hintFor(error, words, name), cause: error })
}

function hintFor({ code }: CommanderError, words: readonly string[], name: string): string {
  if (name === 'set' && code === 'commander.excessArguments')
    return 'The value never stands in the command line, where others can read it: type it when you are asked, or send it to standard input.'
  const known = Object.hasOwn(COMMANDS, name) && words[0] === name
  return (known ? null : sopsHabit(words)) ?? '`gitops --help` tells what there is.'
}

function add(program: Command, verb: Verb<never>): void {
  const command = program.command(verb.name).description(verb.summary).exitOverride()
  for (const [name, help] of verb.arguments ?? []) command.argument(name, help)
  for (const option of verb.options) command.addOption(option)
  command.allowExcessArguments(false).action(async (...all: unknown[]) => {
    const options = command.opts<never>()
    process.exitCode = await verb.run(
      options,
      // An argument of many words comes as a list.
      all
        .slice(0, -2)
        .flat()
        .filter((arg) => typeof arg === 'string'),
    )
  })
}

/** Our own version. */
export function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}

import { Command, CommanderError, type Option } from 'commander'
import { readFileSync } from 'node:fs'
import { GitopsError } from '../model/errors.ts'
import { diffCommand } from './commands/diff.ts'
import { reconcileCommand } from './commands/reconcile.ts'
import { retryCommand } from './commands/retry.ts'
import { rollbackCommand } from './commands/rollback.ts'
import { statusCommand } from './commands/status.ts'
import { complain } from './messages.ts'

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
  const program = new Command('gitops')
    .description('Keeps files on this machine equal to what Git says, and takes itself back when something is wrong.')
    .version(version(), '-V, --version')
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand(false)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'gitops: ')) })
    .argument('[command]')
    .action((name: string | undefined) => {
      if (name === undefined) program.help()
      program.error(`error: unknown command '${name}'\nSee \`gitops --help\`.`)
    })
  for (const verb of [reconcileCommand, statusCommand, diffCommand, rollbackCommand, retryCommand]) add(program, verb)
  try {
    const unknown = unknownCommand(program, argv)
    if (unknown !== null) program.error(unknown)
    await program.parseAsync(argv)
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
    else process.exitCode = complain(error instanceof GitopsError ? error : (error as Error))
  }
}

function add(program: Command, verb: Verb<never>): void {
  const command = program.command(verb.name).description(verb.summary).exitOverride()
  for (const [name, help] of verb.arguments ?? []) command.argument(name, help)
  for (const option of verb.options) command.addOption(option)
  command.allowExcessArguments(false).action(async (...all: unknown[]) => {
    const options = command.opts<never>()
    process.exitCode = await verb.run(
      options,
      all.slice(0, -2).filter((arg) => typeof arg === 'string'),
    )
  })
}

/** `gitops nosuch --help` must not print the general help as if all were well. */
function unknownCommand(program: Command, argv: readonly string[]): string | null {
  const name = argv.slice(2).find((word) => !word.startsWith('-'))
  if (name === undefined || program.commands.some((command) => command.name() === name)) return null
  return `error: unknown command '${name}'. Known: ${program.commands.map((command) => command.name()).join(', ')}.`
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string }
  return version
}

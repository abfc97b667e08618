import { Option } from 'commander'
import { findProgram, inForeground } from '../../host/foreground.ts'
import { machine } from '../../host/machine.ts'
import { GitopsError } from '../../model/errors.ts'
import { variablesOf } from '../../secrets/sops/variables.ts'
import { myIdentities, withFile, withExitCode } from '../encrypted-files.ts'
import type { Verb } from '../program.ts'

interface ExecEnvOptions {
  readonly pristine?: boolean
}

/** `gitops exec-env`. */
export const execEnvCommand: Verb<ExecEnvOptions> = {
  name: 'exec-env',
  summary: 'run a command with the values of a SOPS file in its environment',
  arguments: [
    ['<file>', 'a SOPS file with single values only, not nested'],
    ['<command...>', 'a line for /bin/sh; or behind -- a program and its arguments, without a shell'],
  ],
  options: [new Option('--pristine', 'nothing but the values of the file in its environment')],
  run: (options, [file = '', ...words]) =>
    withExitCode(async () => {
      const { env, platform } = machine()
      if (platform === 'win32') throw new GitopsError('environment', 'exec-env does not work on Windows', { hint: 'Use `gitops get`.' })
      const command = commandOf(words, process.argv.includes('--'), env['PATH'])
      const variables = await withFile(file, async ({ bytes }) => variablesOf(bytes, await myIdentities()))
      return (await inForeground({ command, env: options.pristine === true ? variables : { ...env, ...variables } })).code
    }),
}

function commandOf(words: readonly string[], isProgram: boolean, path: string | undefined): [string, ...string[]] {
  const [name = '', ...args] = words
  if (!isProgram && args.length > 0) {
    throw new GitopsError('usage', 'the command is one line for /bin/sh, and there are several words', {
      hint: 'Put it in quotes, or put -- before a program that needs no shell: gitops exec-env FILE -- program argument',
    })
  }
  if (!isProgram) return ['/bin/sh', '-c', name]
  const program = findProgram(name, path)
  if (program === null) throw new GitopsError('environment', `the program ${name} is not in PATH`, { hint: 'Name it by its path.' })
  return [program, ...args]
}

import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { constants as system } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { isatty } from 'node:tty'
import { GitopsError } from '../model/errors.ts'

/** A program that takes over the terminal. */
export interface Foreground {
  /** The program, absolute, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]]
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Runs a program with our terminal, input and output, and returns its exit code: 128 and the signal's number for one that
 * a signal ended. While it runs the signals that we get are its own. Throws `environment` when it cannot be started.
 */
export function inForeground({ command: [program, ...args], env }: Foreground): Promise<number> {
  let child: ChildProcess | undefined
  const pass = (signal: NodeJS.Signals): void => {
    // At a terminal Ctrl-C reaches the program by itself.
    if (signal !== 'SIGINT' || !isatty(0)) child?.kill(signal)
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
  // Before it starts: it may be done with its first work before we come back.
  for (const signal of signals) process.on(signal, pass)
  return new Promise<number>((resolve, reject) => {
    child = spawn(program, args, { env, stdio: 'inherit' })
    child.once('error', (cause) => {
      const { code } = cause as NodeJS.ErrnoException
      reject(
        new GitopsError('environment', `${program} cannot be started: ${code ?? 'error'}`, {
          hint: 'See that it is a program that you may run.',
          cause,
        }),
      )
    })
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : system.signals[signal])))
  }).finally(() => {
    for (const signal of signals) process.off(signal, pass)
  })
}

/** Where a program is: as it is named when that is a path, else in PATH, never in the working directory; null when nowhere. */
export function findProgram(name: string, path: string | undefined): string | null {
  if (isAbsolute(name)) return isProgram(name) ? name : null
  // `./name` is a person's own wish; a mere name is not looked for beside the file that is edited.
  if (name.includes('/')) return isProgram(name) ? join(process.cwd(), name) : null
  for (const directory of (path ?? '').split(delimiter)) {
    if (isAbsolute(directory) && isProgram(join(directory, name))) return join(directory, name)
  }
  return null
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

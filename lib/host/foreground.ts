import { spawn, type ChildProcess } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { constants as system } from 'node:os'
import { delimiter, isAbsolute, join } from 'node:path'
import { isatty } from 'node:tty'
import { GitopsError } from '../model/errors.ts'
import { ENDING_SIGNALS } from './ending-signals.ts'

/** A program that takes over the terminal. */
export interface Foreground {
  /** The program, absolute, and its arguments. */
  readonly command: readonly [program: string, ...args: string[]]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly grace?: number
}

/** How a program ended: 128 and the signal's number for one that a signal ended; and the signal that was meant for us. */
export interface Ended {
  readonly code: number
  readonly interrupted: NodeJS.Signals | null
}

/**
 * Runs a program with our terminal, input and output. While it runs the signals that we get are its own; with `grace`,
 * milliseconds, it is killed when it does not heed one. Throws `environment` when it cannot be started.
 */
export function inForeground({ command: [program, ...args], env, grace }: Foreground): Promise<Ended> {
  let child: ChildProcess | undefined
  let interrupted: NodeJS.Signals | null = null
  let timer: NodeJS.Timeout | undefined
  const pass = (signal: NodeJS.Signals): void => {
    // At a terminal Ctrl-C reaches the program by itself, and it may mean something to it.
    if (signal === 'SIGINT' && isatty(0)) return
    interrupted ??= signal
    child?.kill(signal)
    if (grace !== undefined) timer ??= setTimeout(() => child?.kill('SIGKILL'), grace)
  }
  // Before it starts: it may be done with its first work before we come back.
  const restore = takeSignals(pass)
  return new Promise<Ended>((resolve, reject) => {
    child = spawn(program, args, { env, stdio: 'inherit' })
    child.once('error', (cause) => reject(notStarted(program, cause)))
    child.once('exit', (code, signal) => resolve({ code: code ?? 128 + (signal === null ? 0 : system.signals[signal]), interrupted }))
  })
    .catch((error: unknown) => {
      // Some of what the system refuses is thrown at once.
      throw error instanceof GitopsError ? error : notStarted(program, error as Error)
    })
    .finally(() => {
      clearTimeout(timer)
      restore()
    })
}

function notStarted(program: string, cause: Error): GitopsError {
  const { code } = cause as NodeJS.ErrnoException
  if (code === 'E2BIG') {
    return new GitopsError('environment', `${program} cannot be started: its environment and arguments are larger than the system allows`, {
      hint: 'Linux allows 128 KiB a variable. Hand over a large value by a pipe: `gitops get` or `gitops decrypt`.',
      cause,
    })
  }
  return new GitopsError('environment', `${program} cannot be started: ${code ?? 'error'}`, {
    hint: 'See that it is a program that you may run.',
    cause,
  })
}

/** Puts a listener in the place of all others, until it is undone. */
function takeSignals(listener: (signal: NodeJS.Signals) => void): () => void {
  const before = ENDING_SIGNALS.map((signal) => ({ signal, listeners: process.listeners(signal) }))
  for (const { signal } of before) process.removeAllListeners(signal).on(signal, listener)
  return () => {
    for (const { signal, listeners } of before) {
      process.off(signal, listener)
      for (const each of listeners) process.on(signal, each)
    }
  }
}

const ENDINGS = process.platform === 'win32' ? ['', '.exe'] : ['']

/** Where a program is: as it is named when that is a path, else in PATH, never in the working directory; null when nowhere. */
export function findProgram(name: string, path: string | undefined): string | null {
  if (isAbsolute(name)) return isProgram(name) ? name : null
  // `./name` is a person's own wish; a mere name is not looked for beside the file that is edited.
  if (name.includes('/')) return isProgram(name) ? join(process.cwd(), name) : null
  for (const directory of (path ?? '').split(delimiter)) {
    if (!isAbsolute(directory)) continue
    for (const ending of ENDINGS) if (isProgram(join(directory, name + ending))) return join(directory, name + ending)
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

import { execFile } from 'node:child_process'
import { withoutKey } from './child-env.ts'
import { findProgram } from './foreground.ts'
import { splitWords } from './words.ts'

/** A command that gives a key may ask somebody, but not for ever. In milliseconds. */
const TIMEOUT = 300_000
const MOST_OUTPUT = 1 << 24

/**
 * What a command prints that a variable named `origin` holds, looked for in PATH only and run without a shell; or a text that says what went wrong. What it
 * says on standard error is shown to nobody: it may be about a key. Keys that are in the environment are not handed on.
 */
export function keyCommand(
  origin: string,
  env: Readonly<Record<string, string | undefined>>,
  more: Readonly<Record<string, string>>,
): Promise<Buffer | string> {
  const [program, ...words] = splitWords(env[origin] ?? '') ?? []
  if (program === undefined) return Promise.resolve(`${origin} is no command line`)
  const failed = (code: unknown): string => {
    const how = typeof code === 'number' ? `exit code ${code}` : typeof code === 'string' ? code : 'no answer'
    return `${origin} failed: ${program}: ${how}`
  }
  const path = findProgram(program, env['PATH'])
  if (path === null) return Promise.resolve(failed('ENOENT'))
  return new Promise((resolve) => {
    const options = { env: { ...withoutKey(env), ...more }, timeout: TIMEOUT, maxBuffer: MOST_OUTPUT, encoding: 'buffer' } as const
    try {
      const child = execFile(path, words, options, (error, stdout) => resolve(error === null ? stdout : failed(error.code)))
      // One that reads would wait for us.
      child.stdin?.on('error', () => {})
      child.stdin?.end()
    } catch (error) {
      // Some of what the system refuses is thrown at once, such as an environment that is too long.
      resolve(failed((error as NodeJS.ErrnoException).code))
    }
  })
}

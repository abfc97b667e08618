import { execFile } from 'node:child_process'
import { splitWords } from './words.ts'

/** A command that gives a key may ask somebody, but not for ever. In milliseconds. */
const TIMEOUT = 300_000
const MOST_OUTPUT = 1 << 24

/**
 * What a command prints that a variable named `origin` holds, run without a shell; or a text that says what went wrong. What it
 * says on standard error is shown to nobody: it may be about a key. Keys that are in the environment are not handed on.
 */
export function keyCommand(
  origin: string,
  env: Readonly<Record<string, string | undefined>>,
  more: Readonly<Record<string, string>>,
): Promise<Buffer | string> {
  const [program, ...words] = splitWords(env[origin] ?? '') ?? []
  if (program === undefined) return Promise.resolve(`${origin} is no command line`)
  const { SOPS_AGE_KEY: _, ...rest } = env
  return new Promise((resolve) => {
    const options = { env: { ...rest, ...more }, timeout: TIMEOUT, maxBuffer: MOST_OUTPUT, encoding: 'buffer' } as const
    const child = execFile(program, words, options, (error, stdout) => {
      const how = typeof error?.code === 'number' ? `exit code ${error.code}` : (error?.code ?? 'no answer')
      resolve(error === null ? stdout : `${origin} failed: ${program}: ${how}`)
    })
    // One that reads would wait for us.
    child.stdin?.on('error', () => {})
    child.stdin?.end()
  })
}

import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { isatty, ReadStream } from 'node:tty'
import type { Ask } from '../secrets/passphrase.ts'
import { Secret } from '../secrets/secret.ts'
import type { Machine } from './machine.ts'

/** The command that prints a passphrase, for scripts; it hears in `GITOPS_AGE_PASSPHRASE_FOR` which key it is for. */
const COMMAND = 'GITOPS_AGE_PASSPHRASE_CMD'
const TRIES = 3

/**
 * How passphrases are got: from the command in `GITOPS_AGE_PASSPHRASE_CMD`, else at the terminal, one after the other.
 * `show` is for a run that paints the screen: it puts the prompt there. Such a run asks only when its standard input is a
 * terminal too, for one that is run by a schedule has a terminal that nobody looks at.
 */
export function asking({ env }: Pick<Machine, 'env'>, show?: (prompt: string) => void): Ask {
  if (env[COMMAND] !== undefined && env[COMMAND] !== '') return (what, again) => fromCommand(what, again, env)
  let before: Promise<unknown> = Promise.resolve()
  const tries = new Map<string, number>()
  return (what, again) => {
    const count = (tries.get(what) ?? 0) + 1
    tries.set(what, count)
    if (count > TRIES) return Promise.resolve(`${TRIES} were wrong`)
    if (env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false') return Promise.resolve('nobody is asked for it in CI')
    if (!inForeground() || (show !== undefined && !isatty(0))) return Promise.resolve(NO_TERMINAL)
    const answer = before.then(() => askAtTerminal(`${again ? 'That is not it. ' : ''}Passphrase of ${what}: `, show))
    before = answer.catch(() => {})
    return answer
  }
}

const NO_TERMINAL = `there is no terminal to ask for it; ${COMMAND} may name a command that gives it`

/** Its standard output without the line's end. */
async function fromCommand(what: string, again: boolean, env: Machine['env']): Promise<Secret | string> {
  if (again) return `the one that ${COMMAND} gives is wrong`
  const { keyCommand } = await import('./key-command.ts')
  const output = await keyCommand(COMMAND, env, { GITOPS_AGE_PASSPHRASE_FOR: what })
  if (typeof output === 'string') return output
  const end = /\r?\n$/.exec(output.toString('latin1'))?.index ?? output.length
  return end === 0 ? `${COMMAND} gives none` : new Secret(output.subarray(0, end))
}

/** Asks on the terminal itself, whatever standard input and output are, without showing what is typed. A text says why there is no answer. */
export async function askAtTerminal(prompt: string, show?: (prompt: string) => void): Promise<Secret | string> {
  let terminal: number
  try {
    terminal = openSync('/dev/tty', 'r+')
  } catch {
    return NO_TERMINAL
  }
  const tell = show === undefined ? (text: string): void => void writeSync(terminal, text) : null
  const input = new ReadStream(openSync('/dev/tty', 'r'))
  try {
    input.setRawMode(true)
    if (tell === null) show?.(prompt)
    else tell(prompt)
    return (await readLine(input)) ?? 'it was not given'
  } finally {
    input.setRawMode(false)
    input.destroy()
    tell?.('\n')
    closeSync(terminal)
  }
}

/** A process in the background would be stopped when it reads from the terminal. Only Linux tells; elsewhere it is taken for one in the foreground. */
function inForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8')
    const [, , , group, , , terminalGroup] = stat.slice(stat.lastIndexOf(')') + 1).split(' ')
    return terminalGroup === '-1' ? false : group === terminalGroup
  } catch {
    return true
  }
}

/** A line, edited as far as a person needs; null for none. Ctrl-C is what it would be without us. */
function readLine(input: ReadStream): Promise<Secret | null> {
  return new Promise((resolve, reject) => {
    let typed = ''
    input.setEncoding('utf8')
    input.once('error', reject)
    input.once('end', () => resolve(null))
    input.on('data', (chunk: string) => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n') return resolve(typed === '' ? null : new Secret(typed))
        if (key === '\u0003' || key === '\u0004') {
          if (key === '\u0003') process.kill(process.pid, 'SIGINT')
          return resolve(null)
        }
        if (key === '\u007f' || key === '\b') typed = Array.from(typed).slice(0, -1).join('')
        else if (key === '\u0015') typed = ''
        else typed += key
      }
    })
  })
}

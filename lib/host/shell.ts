import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Body } from '../model/config.ts'
import { asGitopsError, GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { span } from '../model/schedule.ts'
import type { CheckContext, CheckFinding } from '../plugins/contract.ts'
import { withoutKey } from './child-env.ts'
import { FILES } from './files.ts'
import { killTree } from './git.ts'

/** Milliseconds in which what was stopped has to end. */
const GRACE = 2000

/** Bytes that the commands of one attempt may print: all of it is kept until they end. */
const LOUDEST = 64 << 20

const NOT_FOUND = 'A command was not found: see that PATH has it where gitops runs.'

/** One attempt at a check or a task. */
export interface Attempt {
  /** What it is, for messages: `check "claude starts"`. */
  readonly what: string
  readonly run: Body<never>
  readonly cwd: AbsPath
  readonly home: AbsPath
  readonly source: string | null
  readonly revision: string | null
  readonly stage: AbsPath | null
  /** Milliseconds. */
  readonly timeout: number
  readonly signal: AbortSignal
  /** Standard input of a command. Default: none. */
  readonly input?: string
  /** Takes out of a text what must not be printed. It sees what a command printed whole, before any of it is cut away. */
  readonly hide: (text: string) => string
  /** Hears what a function of the user says without failing. Default: nobody does. */
  readonly warn?: (sentence: string) => void
  /** Hears why a function of the user has nothing to check. Default: nobody does. */
  readonly skip?: (reason: string) => void
  /** Hears what a function of the user reports, once it has ended. Default: warnings are given to `warn`. */
  readonly report?: (finding: CheckFinding) => void
}

/** Runs the user's own command or function. Throws `check` when it fails or is late, `environment` when it could not even start. */
export async function attempt(given: Attempt): Promise<void> {
  given.signal.throwIfAborted()
  if (!existsSync(given.cwd)) throw new GitopsError('environment', `${given.what}: its directory ${given.cwd} does not exist`)
  const deadline = new AbortController()
  const timer = setTimeout(
    () =>
      deadline.abort(
        new GitopsError('check', `${given.what} did not end within ${span(given.timeout)}`, {
          hint: 'Give it a longer `timeout`, or look at what it waits for.',
        }),
      ),
    given.timeout,
  )
  const signal = AbortSignal.any([given.signal, deadline.signal])
  const limits: Limits = {
    signal,
    tooLoud: () =>
      deadline.abort(
        new GitopsError('check', `${given.what} printed more than ${LOUDEST >> 20} MB and was stopped`, {
          hint: 'Let it print less, or into a file.',
        }),
      ),
  }
  const work = typeof given.run === 'string' ? command(given, given.run, limits) : call(given, given.run, limits)
  try {
    await Promise.race([work, aborted(signal)])
  } finally {
    clearTimeout(timer)
    // What was stopped must be gone before anything is taken back; a function that does not listen is not waited for long.
    if (signal.aborted) await Promise.race([work.catch(() => {}), sleep(GRACE)])
  }
}

interface Limits {
  readonly signal: AbortSignal
  readonly tooLoud: () => void
}

async function command(given: Attempt, text: string, limits: Limits): Promise<void> {
  const { signal } = limits
  const $ = await shell(given, limits)
  const result = await $([text] as unknown as TemplateStringsArray).nothrow()
  if (result.exitCode === 0 || signal.aborted) return
  const said = tail(given.hide(result.stderr)) || tail(given.hide(result.stdout))
  const missing = result.exitCode === 127
  throw new GitopsError(
    missing ? 'environment' : 'check',
    `${given.what} failed with exit code ${result.exitCode ?? `signal ${result.signal ?? 'unknown'}`}: ${text}${said === '' ? '' : `\n${said}`}`,
    missing ? { hint: NOT_FOUND } : {},
  )
}

async function call(given: Attempt, run: (context: never) => unknown, limits: Limits): Promise<void> {
  const { home, source, revision, stage, hide, warn = () => {}, skip = () => {} } = given
  const findings: CheckFinding[] = []
  const context: CheckContext = {
    $: await shell(given, limits),
    home,
    source,
    revision,
    stage,
    signal: limits.signal,
    files: FILES,
    warn: (sentence) => warn(hide(sentence)),
    skip: (reason) => skip(hide(reason)),
    report: (finding) => void findings.push({ ...finding, message: hide(finding.message) }),
  }
  try {
    await run(context as never)
    if (findings.length > 0) await tell(given, findings)
  } catch (cause) {
    // A command that was not found says nothing about the revision, wherever it is called from.
    const missing = (cause as { exitCode?: unknown } | null)?.exitCode === 127
    throw new GitopsError(
      missing ? 'environment' : asGitopsError(cause, 'check').code,
      `${given.what} failed: ${given.hide(cause instanceof Error ? cause.message : String(cause))}`,
      { cause, ...(missing && { hint: NOT_FOUND }) },
    )
  }
}

/** Hands on what was reported. Throws `check` with the errors among it. */
async function tell({ stage, warn, report }: Attempt, findings: readonly CheckFinding[]): Promise<void> {
  const { located, reported } = await import('./reports.ts')
  const known = await located(findings, stage)
  const errors = known.filter(({ severity }) => severity !== 'warning')
  if (report !== undefined) known.forEach(report)
  else for (const each of known) if (!errors.includes(each)) warn?.(reported(each))
  if (errors.length > 0) throw new GitopsError('check', errors.map(reported).join('\n'))
}

/** zx's `$` for this attempt: loaded only when something is to be run. */
async function shell(given: Attempt, limits: Limits): Promise<CheckContext['$']> {
  const { $ } = await import('zx/core')
  // Without SHLVL, a bash whose input is a socket would read the user's .bashrc.
  const env: NodeJS.ProcessEnv = { ...withoutKey(process.env), HOME: given.home, SHLVL: '1' }
  if (given.stage !== null) env['GITOPS_STAGE'] = given.stage
  if (given.revision !== null) env['GITOPS_REVISION'] = given.revision
  return $({
    cwd: given.cwd,
    env,
    quiet: true,
    detached: true,
    stdio: [given.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    spawn: mortal(limits),
    ...(given.input !== undefined && { input: given.input }),
  })
}

/** `spawn` whose processes end with the signal, each with all of its group, whatever they do about milder signals. */
function mortal({ signal, tooLoud }: Limits): typeof spawn {
  const begun = new Set<ChildProcess>()
  let printed = 0
  const count = (chunk: Buffer): void => {
    printed += chunk.length
    if (printed > LOUDEST) tooLoud()
  }
  signal.addEventListener('abort', () => begun.forEach(end), { once: true })
  return ((...args: Parameters<typeof spawn>) => {
    const child = spawn(...args)
    begun.add(child)
    // A command need not read what it is given: how it ends is what counts.
    child.stdin?.on('error', () => {})
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', count)
    child.once('close', () => begun.delete(child))
    if (signal.aborted) end(child)
    return child
  }) as typeof spawn
}

function end(child: ChildProcess): void {
  killTree(child)
  // One that made a session of its own may live on with our pipes: it must not keep us.
  child.stdout?.destroy()
  child.stderr?.destroy()
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(asGitopsError(signal.reason, 'interrupted'))
    else signal.addEventListener('abort', () => reject(asGitopsError(signal.reason, 'interrupted')), { once: true })
  })
}

function tail(text: string): string {
  return text.trim().split('\n').slice(-8).join('\n').slice(-2000)
}

import { spawn, type ChildProcess } from 'node:child_process'
import { GitopsError } from '../model/errors.ts'
import { withSafePath } from './child-env.ts'

/** Settings that no repository may override: nothing of it is executed, nothing else is fetched. */
const PINS = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'submodule.recurse=false',
  'fetch.recurseSubmodules=false',
  'transfer.bundleURI=false',
  'protocol.ext.allow=never',
  'gc.autoDetach=false',
  'maintenance.autoDetach=false',
]

/** Variables that would make Git look at another repository than the one named. */
const REPOSITORY = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_NAMESPACE',
  'GIT_PREFIX',
  'GIT_CEILING_DIRECTORIES',
  'GIT_SHALLOW_FILE',
  'GIT_GRAFT_FILE',
  'GIT_REPLACE_REF_BASE',
  'GIT_QUARANTINE_PATH',
  'GIT_DEFAULT_HASH',
  'GIT_LITERAL_PATHSPECS',
  'GIT_GLOB_PATHSPECS',
  'GIT_NOGLOB_PATHSPECS',
  'GIT_ICASE_PATHSPECS',
  'GIT_IMPLICIT_WORK_TREE',
  'GIT_INTERNAL_SUPER_PREFIX',
]

/** How one Git command is run. */
export interface GitOptions {
  /** The repository: `--git-dir` for bare ones, else the work tree's directory. */
  readonly gitDir?: string
  readonly cwd?: string
  /** As the user, with their configuration and credentials; otherwise with an empty configuration. */
  readonly asUser?: boolean
  /** A generated configuration file used in place of the user's, or of none. */
  readonly config?: string | null
  readonly pins?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Milliseconds. Default 60 s. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

/** What a Git command answered. */
export interface GitResult {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

/** Runs Git without a shell, a terminal or a prompt, in a session of its own. Throws `git` when Git is missing, `unreachable` at the deadline. */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  options.signal?.throwIfAborted()
  const child = start(args, options)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk))
  child.stdin?.on('error', () => {})
  child.stdin?.end(options.input ?? '')
  let late = false
  const stop = (): void => killTree(child)
  const timer = setTimeout(() => {
    late = true
    stop()
  }, options.timeout ?? 60_000)
  options.signal?.addEventListener('abort', stop, { once: true })
  try {
    const code = await ended(child)
    options.signal?.throwIfAborted()
    if (late)
      throw new GitopsError('unreachable', `git ${args[0]} did not end within ${Math.round((options.timeout ?? 60_000) / 1000)} s`, {
        hint: 'Look at the network, or give the source a longer `timeout`.',
      })
    return { code, stdout: Buffer.concat(stdout), stderr: redact(Buffer.concat(stderr).toString().trim()) }
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', stop)
  }
}

/** Like `git`, and returns standard output as trimmed text. Throws `git` when Git fails. */
export async function gitText(args: readonly string[], options: GitOptions = {}): Promise<string> {
  const result = await git(args, options)
  if (result.code !== 0) throw new GitopsError('git', `git ${args[0]} failed: ${lastLines(result.stderr)}`)
  return result.stdout.toString().trim()
}

/** Starts Git and leaves its streams to the caller. */
export function start(args: readonly string[], options: GitOptions): ChildProcess {
  const { words, env } = invocation(args, options)
  return spawn('git', words, { cwd: options.cwd, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
}

/** The arguments and the environment that Git is run with. */
export function invocation(args: readonly string[], options: GitOptions): { words: string[]; env: NodeJS.ProcessEnv } {
  const pins = [...PINS, ...(options.pins ?? [])].flatMap((pin) => ['-c', pin])
  const where = options.gitDir === undefined ? [] : ['--git-dir', options.gitDir]
  return { words: [...pins, ...where, ...args], env: environment(options) }
}

function environment(options: GitOptions): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...withSafePath(process.env),
    GIT_TERMINAL_PROMPT: '0',
    SSH_ASKPASS_REQUIRE: 'never',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    LC_ALL: 'C',
  }
  for (const name of REPOSITORY) delete env[name]
  Object.assign(env, options.env)
  // This one would outvote our pin, and `ext:` runs any command.
  if (env['GIT_ALLOW_PROTOCOL'] !== undefined)
    env['GIT_ALLOW_PROTOCOL'] = env['GIT_ALLOW_PROTOCOL']
      .split(':')
      .filter((name) => name !== 'ext')
      .join(':')
  if (options.asUser === true) {
    if (options.config != null) env['GIT_CONFIG_GLOBAL'] = options.config
    return env
  }
  for (const name of Object.keys(env)) if (name.startsWith('GIT_CONFIG')) delete env[name]
  return { ...env, GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_SYSTEM: '/dev/null', GIT_CONFIG_GLOBAL: options.config ?? '/dev/null' }
}

/** Resolves with the exit code once the process is gone and its output read. */
export function ended(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'ENOENT'
          ? new GitopsError('git', 'git was not found', { hint: 'Install Git, and see that PATH finds it.', cause })
          : cause,
      )
    })
    child.once('close', (code) => resolve(code ?? 1))
  })
}

/** Ends a process and everything it started. */
export function killTree(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

/** Text of Git without the credentials a URL in it may carry. */
export function redact(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/\s@]+@/gi, '$1')
}

/** The end of what Git said, short enough for a sentence. */
export function lastLines(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('hint:'))
  return lines.slice(-4).join('; ') || 'it said nothing'
}

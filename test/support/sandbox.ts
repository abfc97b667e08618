import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { test as base } from 'vitest'

/** The built command line, as a user runs it. */
export const CLI = resolve(import.meta.dirname, '../../dist/lib/cli/main.js')

/** What a command printed and how it ended. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** Both, for sentences that may stand in either. */
  readonly said: string
}

/** A file of a tree: its text, or a link's target, with a mode when it matters. */
export type Files = Readonly<
  Record<string, string | Buffer | { readonly text?: string | Buffer; readonly mode?: number; readonly link?: string }>
>

/** A throw-away world: a home, a repository that somebody pushes to, a place for a config. */
export interface Sandbox {
  readonly root: string
  /** HOME of every command. */
  readonly home: string
  /** A work tree whose commits go to `remote`. */
  readonly work: string
  /** A bare repository, the source of most stories. */
  readonly remote: string
  /** The directory that holds `gitops.config.ts`, and where commands are run. */
  readonly site: string
  /** Where the state of the default config lies. */
  readonly state: string
  readonly env: NodeJS.ProcessEnv
  /** Writes files below a directory. */
  write(directory: string, files: Files): void
  /** Writes files into the work tree, commits everything, pushes; returns the commit. `null` deletes a path. */
  commit(files: Files | Readonly<Record<string, null>>, message?: string): string
  git(directory: string, ...args: string[]): string
  /** Writes `gitops.config.ts` from the inside of `defineConfig( … )`. */
  config(body?: string): void
  /** Runs the built command line; after `timeout` milliseconds it is killed. */
  gitops(args: readonly string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; timeout?: number }): Promise<Ran>
  /** Starts it and leaves it running. */
  start(args: readonly string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }): ChildProcess
  /** Everything below a directory: `path` to `mode content`, for comparing trees. Files of ours that are temporary are in it too. */
  tree(directory: string): Record<string, string>
  live(path: string): string
}

/** A config with one remote source and one target. */
export const DEFAULT_CONFIG = (remote: string, more = ''): string => `{
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(remote)}, ref: 'main' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
  ${more}
}`

/** `test` with a fresh sandbox a test, removed afterwards. */
export const test = base.extend<{ sandbox: Sandbox }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  sandbox: async ({}, use) => {
    const root = mkdtempSync(join(tmpdir(), 'gitops-test-'))
    try {
      await use(sandboxIn(root))
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  },
})

/** A sandbox in an empty directory, for those who share one between tests and remove it themselves. */
export function sandboxIn(root: string): Sandbox {
  const [home, work, remote, site] = ['home', 'work', 'remote.git', 'site'].map((name) => join(root, name)) as [
    string,
    string,
    string,
    string,
  ]
  const env: NodeJS.ProcessEnv = {
    PATH: process.env['PATH'],
    HOME: home,
    USER: 'story',
    TMPDIR: root,
    XDG_RUNTIME_DIR: join(root, 'runtime'),
    GIT_AUTHOR_NAME: 'Story',
    GIT_AUTHOR_EMAIL: 'story@example.org',
    GIT_COMMITTER_NAME: 'Story',
    GIT_COMMITTER_EMAIL: 'story@example.org',
    GIT_CONFIG_NOSYSTEM: '1',
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: join(tmpdir(), 'gitops-test-compile-cache'),
  }
  for (const directory of [home, work, site, join(root, 'runtime')]) mkdirSync(directory, { mode: 0o700 })
  const git = (directory: string, ...args: string[]): string =>
    execFileSync('git', args, { cwd: directory, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 28 }).trim()
  git(root, 'init', '--quiet', '--bare', '--initial-branch=main', remote)
  git(root, 'init', '--quiet', '--initial-branch=main', work)
  git(work, 'remote', 'add', 'origin', remote)
  const sandbox: Sandbox = {
    root,
    home,
    work,
    remote,
    site,
    state: join(home, '.local/state/gitops/story'),
    env,
    git,
    write,
    commit(files, message = 'change') {
      for (const [path, file] of Object.entries(files)) {
        if (file === null) rmSync(join(work, path), { recursive: true, force: true })
        else write(work, { [path]: file })
      }
      git(work, 'add', '--all', '--force')
      git(work, 'commit', '--quiet', '--allow-empty', '-m', message)
      git(work, 'push', '--quiet', '--force', 'origin', 'HEAD')
      return git(work, 'rev-parse', 'HEAD')
    },
    config: (body = DEFAULT_CONFIG(remote)) =>
      write(site, { 'gitops.config.ts': `import { defineConfig } from 'gitops'\n\nexport default defineConfig(${body})\n` }),
    gitops: (args, { cwd = site, env: more, input, timeout = 0 } = {}) => run(args, { cwd, timeout, env: { ...env, ...more } }, input),
    start: (args, options = {}) =>
      spawn(process.execPath, [CLI, ...args], { cwd: options.cwd ?? site, env: { ...env, ...options.env }, stdio: 'ignore' }),
    tree,
    live: (path) => readFileSync(join(home, path), 'utf8'),
  }
  return sandbox
}

function run(args: readonly string[], options: { cwd: string; timeout: number; env: NodeJS.ProcessEnv }, input = ''): Promise<Ran> {
  return new Promise((done) => {
    const child = execFile(
      process.execPath,
      [CLI, ...args],
      { ...options, killSignal: 'SIGKILL', maxBuffer: 1 << 28 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 128
        done({ code, stdout, stderr, said: stdout + stderr })
      },
    )
    // A command that reads nothing may be gone before it is all written.
    child.stdin?.on('error', () => {}).end(input)
  })
}

function write(directory: string, files: Files): void {
  for (const [path, file] of Object.entries(files)) {
    const full = join(directory, path)
    mkdirSync(dirname(full), { recursive: true })
    const { text = '', mode, link } = typeof file === 'string' || Buffer.isBuffer(file) ? { text: file } : file
    if (link !== undefined) {
      rmSync(full, { force: true })
      symlinkSync(link, full)
      continue
    }
    writeFileSync(full, text)
    if (mode !== undefined) chmodSync(full, mode)
  }
}

function tree(directory: string): Record<string, string> {
  // A file may be called `__proto__`.
  const result = Object.create(null) as Record<string, string>
  const visit = (path: string): void => {
    const full = join(directory, path)
    const stat = lstatSync(full)
    const mode = (stat.mode & 0o777).toString(8)
    if (stat.isSymbolicLink()) result[path] = `-> ${readlinkSync(full)}`
    else if (stat.isDirectory()) {
      if (path !== '') result[`${path}/`] = 'directory'
      for (const name of readdirSync(full)) visit(path === '' ? name : `${path}/${name}`)
    } else {
      const bytes = readFileSync(full)
      result[path] = `${mode} ${bytes.length > 200 ? createHash('sha256').update(bytes).digest('hex') : bytes.toString()}`
    }
  }
  if (existsSync(directory)) visit('')
  return result
}

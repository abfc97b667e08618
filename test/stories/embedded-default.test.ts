import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** A fresh clone of this project with its dependencies and its build, as `npm ci` leaves it. */
function clone(sandbox: Sandbox, ...options: string[]): string {
  const seed = join(sandbox.root, 'seed.git')
  const directory = join(sandbox.root, 'gitops')
  // What is in the work tree, as one commit on `main`: the project may be a clone in any state itself.
  const index = { ...sandbox.env, GIT_INDEX_FILE: join(sandbox.root, 'index') }
  sandbox.git(sandbox.root, 'init', '--quiet', '--bare', '--initial-branch=main', seed)
  execFileSync('git', ['--git-dir', seed, '--work-tree', ROOT, 'add', '--all'], { cwd: ROOT, env: index })
  execFileSync('git', ['--git-dir', seed, '--work-tree', ROOT, 'commit', '--quiet', '-m', 'first'], { cwd: ROOT, env: index })
  execFileSync('git', ['--git-dir', seed, '--work-tree', ROOT, 'commit', '--quiet', '--allow-empty', '-m', 'second'], {
    cwd: ROOT,
    env: index,
  })
  sandbox.git(sandbox.root, 'clone', '--quiet', ...options, `file://${seed}`, directory)
  symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
  cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true })
  // A link is no directory for `.gitignore`; in a real clone `node_modules` is one.
  sandbox.write(directory, { '.git/info/exclude': 'node_modules\n' })
  return directory
}

function gitops(
  sandbox: Sandbox,
  directory: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { code: number | null; said: string } {
  const main = join(directory, 'dist/lib/cli/main.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    cwd: directory,
    env: { ...sandbox.env, ...env },
    encoding: 'utf8',
    timeout: 50_000,
  })
  return { code: status, said: stdout + stderr }
}

/** What the example's source holds, in the form of `tree`. */
function wanted(sandbox: Sandbox): Record<string, string> {
  const directory = join(sandbox.root, 'wanted')
  mkdirSync(directory)
  execFileSync('sh', ['-c', 'umask 022; git ls-files -z .claude | xargs -0 tar c | tar x -C "$0"', directory], { cwd: ROOT })
  // A secret's ciphertext is never copied as a file.
  rmSync(join(directory, '.claude/.claude.json.enc'))
  return sandbox.tree(join(directory, '.claude'))
}

const STATES: Readonly<Record<string, (sandbox: Sandbox) => string>> = {
  'on main': (sandbox) => clone(sandbox),
  'on a branch of its own': (sandbox) => {
    const directory = clone(sandbox)
    sandbox.git(directory, 'switch', '--quiet', '--create', 'mine')
    return directory
  },
  detached: (sandbox) => {
    const directory = clone(sandbox)
    sandbox.git(directory, 'checkout', '--quiet', '--detach', 'HEAD')
    return directory
  },
  shallow: (sandbox) => clone(sandbox, '--depth', '1'),
}

for (const [state, make] of Object.entries(STATES)) {
  test(`a fresh clone, ${state}, reconciles into the sandbox home inside it and never into the reader's own`, ({ sandbox }) => {
    const directory = make(sandbox)
    const commit = sandbox.git(directory, 'rev-parse', '--short=7', 'HEAD')

    const first = gitops(sandbox, directory, ['reconcile'])
    expect(first.said).toContain(`Applied: team ${commit}`)
    expect(first.code).toBe(0)
    const { 'settings.json': settings = '', ...rest } = sandbox.tree(join(directory, '.sandbox/.claude'))
    const { 'settings.json': _, ...want } = wanted(sandbox)
    expect(rest).toEqual(want)
    // A document that Claude Code writes too: its values are ours, its layout is not.
    expect(settings).toMatch(/^644 /)
    const valueOf = (path: string): unknown => JSON.parse(readFileSync(join(path, '.claude/settings.json'), 'utf8'))
    expect(valueOf(join(directory, '.sandbox'))).toEqual(valueOf(ROOT))

    const second = gitops(sandbox, directory, ['reconcile'])
    expect(second.said).toContain(`In sync: team ${commit}`)
    expect(second.code).toBe(0)

    sandbox.write(directory, { '.sandbox/.claude/CLAUDE.md': 'mine\n' })
    const healed = gitops(sandbox, directory, ['reconcile'])
    expect(healed.said).toContain('drift was healed')
    expect(sandbox.tree(join(directory, '.sandbox/.claude'))['CLAUDE.md']).not.toContain('mine')

    expect(readdirSync(sandbox.home)).toEqual([])
    expect(sandbox.git(directory, 'status', '--porcelain')).toBe('')
  })
}

const SECRET = {
  mcpServers: {
    tracker: {
      type: 'http',
      url: 'https://tracker.example.org/mcp',
      headers: { Authorization: 'Bearer example-token-that-opens-nothing' },
    },
  },
}

test("the example's secret is merged into a file that the application goes on writing to, and the trail lies beside it", ({ sandbox }) => {
  const directory = clone(sandbox)
  const file = join(directory, '.sandbox/.claude.json')
  const read = (): unknown => JSON.parse(readFileSync(file, 'utf8'))
  sandbox.write(directory, { '.sandbox/.claude.json': '{"numStartups":7,"oauthAccount":{"emailAddress":"me@example.org"}}\n' })
  const first = gitops(sandbox, directory, ['reconcile'])
  expect(first.code, first.said).toBe(0)
  expect(read()).toEqual({ numStartups: 7, oauthAccount: { emailAddress: 'me@example.org' }, ...SECRET })
  expect(statSync(file).mode & 0o777).toBe(0o600)

  sandbox.write(directory, { '.sandbox/.claude.json': JSON.stringify({ numStartups: 8, ...SECRET }) })
  expect(gitops(sandbox, directory, ['reconcile']).said).toContain('In sync')
  expect(read()).toEqual({ numStartups: 8, ...SECRET })

  const trail = readFileSync(join(directory, '.sandbox/.claude-gitops-audit.log'), 'utf8')
  expect((JSON.parse(trail) as { paths: string[] }).paths).toContain(file)
  expect(first.said + trail).not.toContain('example-token')
  expect(sandbox.git(directory, 'status', '--porcelain')).toBe('')
})

test("the example's key says that it is public, and opens the secret for us and for the real sops", ({ sandbox }) => {
  const directory = clone(sandbox)
  const key = join(directory, '.example/age-key.txt')
  expect(readFileSync(key, 'utf8').split('\n')[0]).toBe(
    "# THIS KEY IS PUBLIC AND PROTECTS NOTHING. It is the example's own, committed on purpose,",
  )
  const env = { SOPS_AGE_KEY_FILE: key }
  expect(JSON.parse(gitops(sandbox, directory, ['decrypt', '.claude/.claude.json.enc'], env).said)).toEqual(SECRET)
  expect(gitops(sandbox, directory, ['decrypt', '.claude/.claude.json.enc']).code).toBe(128)
  const sops = process.env['GITOPS_SOPS'] ?? 'sops'
  const args = ['decrypt', '--input-type', 'json', '--output-type', 'json', '.claude/.claude.json.enc']
  const real = spawnSync(sops, args, { cwd: directory, env: { ...sandbox.env, ...env }, encoding: 'utf8' })
  if (real.error === undefined) expect(JSON.parse(real.stdout), real.stderr).toEqual(SECRET)
})

test('the one variable that the README names shows a rollback, with a new commit to roll back', ({ sandbox }) => {
  const directory = clone(sandbox)
  expect(gitops(sandbox, directory, ['reconcile']).code).toBe(0)
  const before = sandbox.tree(join(directory, '.sandbox/.claude'))
  sandbox.write(directory, { '.claude/CLAUDE.md': 'new rules\n' })
  sandbox.git(directory, 'commit', '--quiet', '--all', '-m', 'new rules')

  const failed = gitops(sandbox, directory, ['reconcile'], { GITOPS_EXAMPLE_FAIL: '1' })
  expect(failed.said).toContain('Rolled back: team')
  expect(failed.said).toContain('settings are in place')
  expect(failed.code).toBe(6)
  expect(sandbox.tree(join(directory, '.sandbox/.claude'))).toEqual(before)

  const applied = gitops(sandbox, directory, ['reconcile'])
  expect(applied.code).toBe(0)
  expect(sandbox.tree(join(directory, '.sandbox/.claude'))['CLAUDE.md']).toBe('644 new rules\n')
  expect(readdirSync(sandbox.home)).toEqual([])
  expect(sandbox.git(directory, 'status', '--porcelain')).toBe('')
})

test('the variable shows a rollback on the very first run too: nothing is left behind', ({ sandbox }) => {
  const directory = clone(sandbox)
  const failed = gitops(sandbox, directory, ['reconcile'], { GITOPS_EXAMPLE_FAIL: '1' })
  expect(failed.code).toBe(6)
  expect(sandbox.tree(join(directory, '.sandbox/.claude'))).toEqual({})
  expect(readdirSync(sandbox.home)).toEqual([])
})

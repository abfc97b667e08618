import { describe, expect, test as plain } from 'vitest'
import { permission } from '../../lib/plugins/claude-code/permission.ts'
import { test, type Files, type Ran, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const CONFIG = `import { defineConfig } from 'gitops'

export default defineConfig(({ host, platform }) => ({
  name: 'story',
  sources: { team: { repo: '.' } },
  targets: {
    claude: { from: '.claude', to: '~/.claude', modes: { '*.sh': '+x' } },
    notes: { from: 'notes', to: '~/notes', when: host === 'laptop' },
  },
  secrets: { token: { from: 'token.enc', to: '~/.token' } },
}))
`
const TESTS = `import assert from 'node:assert/strict'
import test from 'node:test'
import { candidate, permission, type CandidateView } from 'gitops/test'

const laptop: CandidateView = await candidate({ host: 'laptop', platform: 'darwin', home: '/Users/jane' })

test('a laptop gets the notes, others do not', async () => {
  assert.ok(laptop.file('~/notes/a.md'))
  assert.deepEqual(laptop.files.map(({ path }) => path), ['/Users/jane/.claude/run.sh', '/Users/jane/.claude/settings.json', '/Users/jane/notes/a.md'])
  assert.equal((await candidate({ host: 'server' })).file('~/notes/a.md'), undefined)
})

test('scripts can be run, and removing everything is denied', () => {
  assert.equal(laptop.file('~/.claude/run.sh')?.mode, 0o755)
  assert.equal(permission(laptop.file('~/.claude/settings.json')?.text, 'Bash(rm -rf /)'), 'deny')
})

test('secrets are names and places', () => {
  assert.deepEqual(laptop.secrets, [{ name: 'token', path: '/Users/jane/.token' }])
  assert.equal(Object.keys(process.env).some((name) => name.startsWith('SOPS_AGE_')), false)
})
`

async function repository(sandbox: Sandbox, more: Files = {}): Promise<void> {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({
    'gitops.config.ts': CONFIG,
    '.claude/settings.json': '{ "permissions": { "deny": ["Bash(rm -rf:*)"] } }\n',
    '.claude/run.sh': '#!/bin/sh\n',
    'notes/a.md': '# notes\n',
    'token.enc': await sops(me, 'made-up-secret\n', { format: 'binary' }),
    ...more,
  })
}

const run = (sandbox: Sandbox, ...args: string[]): Promise<Ran> =>
  sandbox.gitops(['test', ...args], { cwd: sandbox.work, env: { SOPS_AGE_KEY: 'AGE-SECRET-KEY-1NONE' } })

test("a team's own tests ask what a host would get, without a key and without an installed package", async ({ sandbox }) => {
  await repository(sandbox, { 'deep/team.gitops.test.ts': TESTS })
  const good = await run(sandbox)
  expect(good.code, good.said).toBe(0)
  expect(good.stdout).toContain('a laptop gets the notes, others do not')
  expect(good.stdout).toMatch(/pass 3\b/)
  expect(good.said).not.toContain('made-up-secret')
  sandbox.write(sandbox.work, { '.claude/settings.json': '{ "permissions": {} }\n' })
  const bad = await run(sandbox)
  expect(bad.code, bad.said).toBe(1)
  expect(bad.stdout).toContain('removing everything is denied')
  // What is staged is as it was.
  expect((await run(sandbox, '--staged')).code).toBe(0)
  sandbox.git(sandbox.work, 'add', '--all')
  expect((await run(sandbox, '--staged')).code).toBe(1)
  expect((await run(sandbox, 'deep/team.gitops.test.ts')).code).toBe(1)
})

test('a config that does not load fails the tests with its sentence; without tests it is said how to write one', async ({ sandbox }) => {
  await repository(sandbox)
  const none = await run(sandbox)
  expect([none.code, none.stderr]).toEqual([
    2,
    "gitops: there is no test of the config here\nWrite one, such as gitops.test.ts, with `import { candidate } from 'gitops/test'`, and git add it; or name a file.\n",
  ])
  sandbox.write(sandbox.work, { 'gitops.test.mjs': "import { candidate } from 'gitops/test'\nawait candidate()\n" })
  sandbox.git(sandbox.work, 'add', '--all')
  expect((await run(sandbox)).code).toBe(0)
  sandbox.write(sandbox.work, { 'gitops.config.ts': CONFIG.replace('targets', 'tragets') })
  const broken = await run(sandbox)
  expect(broken.code).toBe(1)
  expect(broken.stdout).toContain('tragets: unknown key')
})

test('a submodule in a target, which no host gets, shifts no content to another file', async ({ sandbox }) => {
  await repository(sandbox, {
    'gitops.test.mjs': `import assert from 'node:assert/strict'
import { candidate } from 'gitops/test'
const { file } = await candidate({ home: '/home/jane' })
assert.equal(file('~/.claude/aaa'), undefined)
assert.equal(file('~/.claude/run.sh').text, '#!/bin/sh\\n')
`,
  })
  sandbox.git(
    sandbox.work,
    'update-index',
    '--add',
    '--cacheinfo',
    `160000,${sandbox.git(sandbox.work, 'rev-parse', 'HEAD').trim()},.claude/aaa`,
  )
  const ran = await run(sandbox, '--staged')
  expect(ran.code, ran.said).toBe(0)
})

test('a test that is not there is said by its name', async ({ sandbox }) => {
  await repository(sandbox)
  const ran = await run(sandbox, 'nowhere.test.ts')
  expect([ran.code, ran.stderr]).toEqual([2, 'gitops: there is no file nowhere.test.ts\n'])
})

describe('what the rules of settings say of a use', () => {
  const settings = {
    permissions: {
      deny: ['Bash(rm -rf:*)', 'Read(./.env)', 'mcp__prod'],
      ask: ['Bash(git push:*)'],
      allow: ['Bash(git:*)', 'Bash(npm run *)', 'Edit', 'WebFetch(domain:example.com)', 'mcp__search__*'],
    },
  }
  for (const [use, answer] of [
    ['Bash(rm -rf /)', 'deny'],
    ['Bash(rm -rf)', 'deny'],
    ['Bash(rm -rfx)', 'default'],
    ['Bash(git push origin main)', 'ask'],
    ['Bash(git status)', 'allow'],
    ['Bash(gitk)', 'default'],
    ['Bash(npm run test)', 'allow'],
    ['Bash(npm ci)', 'default'],
    ['Edit(a.txt)', 'allow'],
    ['Read(./.env)', 'deny'],
    ['WebFetch(domain:example.com)', 'allow'],
    ['WebFetch(domain:example.org)', 'default'],
    ['mcp__prod__drop', 'deny'],
    ['mcp__search__query', 'allow'],
    ['mcp__other__query', 'default'],
  ] as const)
    plain(`${use} is ${answer}`, () => expect(permission(settings, use)).toBe(answer))

  plain('what the rules alone cannot tell is not guessed', () => {
    expect(() => permission(settings, 'Bash(git status && rm -rf /)')).toThrow('more than one command')
    expect(() => permission(settings, 'Read(/home/jane/.env)')).toThrow('depends on where Claude Code runs')
    expect(() => permission('{ broken', 'Edit')).toThrow()
  })
})

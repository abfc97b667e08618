import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { test, type Files, type Ran, type Sandbox } from '../support/sandbox.ts'

const AGENT = '---\nname: reviewer\ndescription: Reviews.\n---\nReview.\n'
const HOOK = '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"$HOME/.claude/hooks/stop.sh"}]}]}}\n'
const GOOD: Files = {
  '.claude/settings.json': HOOK,
  '.claude/hooks/stop.sh': '#!/bin/sh\n',
  '.claude/CLAUDE.md': '# Rules\n',
  '.claude/agents/reviewer.md': AGENT,
}

function config(sandbox: Sandbox, preset = 'claudeCode()', more = ''): void {
  const body = `{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } }, presets: [${preset}], ${more} }`
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `import { claudeCode, defineConfig, definePreset } from 'gitops'\nexport default defineConfig(${body})\n`,
  })
}

/** Without a Claude Code that may be installed where the tests run. */
async function reconcile(sandbox: Sandbox, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return sandbox.gitops(['reconcile'], { env: { ...without(sandbox), ...env } })
}

function without(sandbox: Sandbox): NodeJS.ProcessEnv {
  const path = (sandbox.env['PATH'] ?? '').split(':').filter((directory) => !/claude/.test(directory))
  return { PATH: path.join(':') }
}

test("a team's configuration is put where Claude Code reads it, with scripts that can be run, and what Claude Code keeps beside it stays", async ({
  sandbox,
}) => {
  sandbox.write(sandbox.home, { '.claude/history.jsonl': '{}\n', '.claude/projects/-x/1.jsonl': '{}\n', '.claude/agents/mine.md': AGENT })
  sandbox.commit({ ...GOOD, '.claude/settings.local.json': '{}\n' })
  config(sandbox)
  const ran = await reconcile(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.stderr).toBe('')
  const tree = sandbox.tree(join(sandbox.home, '.claude'))
  expect(
    Object.keys(tree)
      .filter((path) => !path.endsWith('/'))
      .toSorted(),
  ).toEqual(
    [
      'CLAUDE.md',
      'agents/mine.md',
      'agents/reviewer.md',
      'history.jsonl',
      'hooks/stop.sh',
      'projects/-x/1.jsonl',
      'settings.json',
    ].toSorted(),
  )
  // Git did not know that it is a program.
  expect(tree['hooks/stop.sh']).toMatch(/^7\d\d /)
  expect((await reconcile(sandbox)).said).toContain('In sync')
})

test("a user's own hooks and rules stay beside the team's, and are what is left when those go", async ({ sandbox }) => {
  const own = { matcher: 'Bash', hooks: [{ type: 'command', command: 'echo own' }] }
  const mine = { permissions: { allow: ['Read'] }, hooks: { Stop: [own] } }
  sandbox.write(sandbox.home, { '.claude/settings.json': JSON.stringify(mine) })
  sandbox.commit(GOOD)
  config(sandbox)
  const ran = await reconcile(sandbox)
  expect(ran.code, ran.said).toBe(0)
  const { hooks } = JSON.parse(sandbox.live('.claude/settings.json')) as { hooks: { Stop: unknown[] } }
  expect(hooks.Stop).toEqual([own, ...(JSON.parse(HOOK) as typeof mine).hooks.Stop])
  expect((await sandbox.gitops(['uninstall', '--yes'])).code).toBe(0)
  expect(JSON.parse(sandbox.live('.claude/settings.json'))).toEqual(mine)
})

describe('a configuration that Claude Code could not use is refused before anything is written', () => {
  const cases: readonly (readonly [string, Files | Readonly<Record<string, null>>, string])[] = [
    ['a hook that is not there', { '.claude/hooks/stop.sh': null }, 'hooks.Stop.0.hooks.0 runs hooks/stop.sh, which is not there'],
    [
      'a list that is none',
      { '.claude/settings.json': '{"permissions":{"allow":"Bash"}}\n' },
      'permissions.allow must be a list of permission rules',
    ],
    ['a comment', { '.claude/settings.json': '{} // fine elsewhere\n' }, 'settings.json'],
    ['an agent', { '.claude/agents/reviewer.md': '---\nname: [\n---\n' }, 'claude/agents/reviewer.md:3: its front matter is no YAML'],
    ['what is its own', { '.claude/projects/x.jsonl': '{}\n' }, 'projects/x.jsonl'],
  ]
  for (const [what, change, sentence] of cases) {
    test(what, async ({ sandbox }) => {
      sandbox.commit(GOOD)
      config(sandbox)
      expect((await reconcile(sandbox)).code).toBe(0)
      const before = sandbox.tree(join(sandbox.home, '.claude'))
      sandbox.commit({ ...change, '.claude/CLAUDE.md': '# New\n' })
      const ran = await reconcile(sandbox)
      expect(ran.said).toContain(sentence)
      expect(ran.code, ran.said).toBe(5)
      expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(before)
    })
  }
})

test('where claude is not installed, what only its doctor could tell is skipped, and said to be', async ({ sandbox }) => {
  sandbox.commit(GOOD)
  config(sandbox)
  const ran = await reconcile(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.stdout).toContain('validate  1 check passed; claude doctor skipped: claude is not installed')
  expect(ran.stdout).toContain('smoke  Claude Code finds its files; claude doctor skipped: claude is not installed')
  const judged = await sandbox.gitops(['validate', '--config', join(sandbox.site, 'gitops.config.ts')], {
    cwd: sandbox.work,
    env: without(sandbox),
  })
  expect(judged.code, judged.said).toBe(0)
  expect(judged.said).toContain('not run: claude doctor; claude is not installed')
})

test('what is only unknown is a warning: a newer Claude Code may know it', async ({ sandbox }) => {
  sandbox.commit({ ...GOOD, '.claude/settings.json': '{"newKey":1,"hooks":{"NewEvent":[]}}\n', '.claude/notes/a.txt': 'x\n' })
  config(sandbox)
  const ran = await reconcile(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.stderr).toContain('newKey is no key that is known here')
  expect(ran.stderr).toContain('hooks.NewEvent is no event that is known here')
  expect(ran.stderr).toContain('notes: is nothing that Claude Code is known to read')
  expect(sandbox.live('.claude/notes/a.txt')).toBe('x\n')
})

test('a script that settings name and that this machine has for itself is left to it', async ({ sandbox }) => {
  const { '.claude/hooks/stop.sh': _, ...rest } = GOOD
  sandbox.commit(rest)
  sandbox.write(sandbox.home, { '.claude/hooks/stop.sh': { text: '#!/bin/sh\n', mode: 0o755 } })
  config(sandbox, "claudeCode({ local: ['hooks/stop.sh'] })")
  const ran = await reconcile(sandbox)
  expect(ran.code, ran.said).toBe(0)
})

test('CLAUDE_CONFIG_DIR moves the target, as it moves Claude Code', async ({ sandbox }) => {
  sandbox.commit(GOOD)
  config(sandbox)
  const moved = { CLAUDE_CONFIG_DIR: join(sandbox.home, 'elsewhere') }
  sandbox.commit({ '.claude/settings.json': HOOK.replace('$HOME/.claude', '$CLAUDE_CONFIG_DIR') })
  const ran = await reconcile(sandbox, moved)
  expect(ran.code, ran.said).toBe(0)
  expect(sandbox.live('elsewhere/CLAUDE.md')).toBe('# Rules\n')
  expect(Object.keys(sandbox.tree(sandbox.home))).not.toContain('.claude/')
})

test('a change that leaves Claude Code without one of its files is rolled back: the smoke check sees what is live', async ({ sandbox }) => {
  sandbox.commit(GOOD)
  config(sandbox)
  expect((await reconcile(sandbox)).code).toBe(0)
  sandbox.commit({ '.claude/CLAUDE.md': '# New\n' })
  config(
    sandbox,
    'claudeCode()',
    "tasks: { after: [{ name: 'breaks it', run: 'chmod -x ~/.claude/hooks/stop.sh', undo: 'chmod +x ~/.claude/hooks/stop.sh' }] }",
  )
  const ran = await reconcile(sandbox)
  expect(ran.said).toContain('runs hooks/stop.sh, which is not executable: git update-index --chmod=+x .claude/hooks/stop.sh')
  expect(ran.code, ran.said).toBe(6)
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('# Rules\n')
})

test('nothing is written while a session of Claude Code runs, and a session that goes on is nobody’s fault', async ({ sandbox }) => {
  sandbox.commit(GOOD)
  config(sandbox, 'claudeCode({ waitForSessions: 2, doctor: false })')
  const bin = join(sandbox.root, 'bin')
  sandbox.write(bin, { claude: { text: `#!/bin/sh\ntest -e ${sandbox.root}/session && echo '[{"pid":1}]' || echo '[]'\n`, mode: 0o755 } })
  sandbox.write(sandbox.root, { session: '' })
  const env = { PATH: `${bin}:${sandbox.env['PATH'] ?? ''}` }
  const waited = await sandbox.gitops(['reconcile'], { env })
  expect(waited.said).toContain('1 session of Claude Code still runs')
  expect(waited.code, waited.said).toBe(1)
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual({})
  rmSync(join(sandbox.root, 'session'))
  const ran = await sandbox.gitops(['reconcile'], { env })
  expect(ran.code, ran.said).toBe(0)
})

test("what claude doctor says of our files refuses a revision, and what it says of an organization's is a warning", async ({ sandbox }) => {
  sandbox.commit(GOOD)
  config(sandbox)
  const bin = join(sandbox.root, 'bin')
  const doctor = (...lines: string[]): void =>
    sandbox.write(bin, {
      claude: { text: `#!/bin/sh\ncat <<END\nInvalid settings\n${lines.map((line) => `- ${line}\n`).join('')}\nEND\n`, mode: 0o755 },
    })
  const env = { PATH: `${bin}:${sandbox.env['PATH'] ?? ''}` }
  doctor('/etc/claude-code/managed-settings.json › model: not ours')
  const warned = await sandbox.gitops(['reconcile'], { env })
  expect(warned.code, warned.said).toBe(0)
  expect(warned.stderr).toContain('check "claude doctor": /etc/claude-code/managed-settings.json › model: not ours')

  doctor('$CLAUDE_CONFIG_DIR/settings.json › model: Expected string')
  sandbox.commit({ '.claude/CLAUDE.md': '# New\n' })
  const refused = await sandbox.gitops(['reconcile'], { env })
  expect(refused.said).toContain('settings.json › model: Expected string')
  expect(refused.code, refused.said).toBe(5)
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('# Rules\n')
})

describe('presets', () => {
  test("what a preset returns is added to the config's own, and is no better checked", async ({ sandbox }) => {
    sandbox.commit({ 'a/x': '1\n', 'b/y': '2\n' })
    const part = "definePreset(({ home }) => ({ targets: { a: { from: 'a', to: `${home}/A` } } }))"
    config(sandbox, part, "targets: { b: { from: 'b', to: '~/B' } }")
    expect((await reconcile(sandbox)).code).toBe(0)
    expect(sandbox.live('A/x') + sandbox.live('B/y')).toBe('1\n2\n')
  })

  test.for([
    ["() => ({ targets: { a: { from: 'a', too: '~/A' } } })", 'targets.a.too: unknown key'],
    ['() => ({ sources: {} })', 'presets.0: returns "sources"; a preset may return targets,'],
    ['() => 5', 'presets.0: must return a part of a config'],
    ["() => { throw new Error('no such thing') }", 'presets.0: no such thing'],
    ['() => ({}), 5', 'presets.1: must be a preset such as claudeCode()'],
    ["claudeCode({ directory: 'x' })", 'claudeCode: "x" is no absolute path; mend directory'],
    ['claudeCode(), claudeCode()', 'targets.claude: is declared twice'],
  ] as const)('%s is told with its place', async ([preset, sentence], { sandbox }) => {
    config(sandbox, preset)
    const ran = await reconcile(sandbox)
    expect(ran.said).toContain(sentence)
    expect(ran.code).toBe(2)
  })
})

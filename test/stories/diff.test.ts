import { chmodSync, existsSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')

/** The part of a diff that speaks of one file. */
function about(sandbox: Sandbox, said: string, name: string): string {
  const start = said.indexOf(`${join(claude(sandbox), name)}  (`)
  if (start < 0) return ''
  const rest = said.slice(start)
  const end = rest.slice(1).search(/^(?:\/|Would apply|Refused)/m)
  return end < 0 ? rest : rest.slice(0, end + 1)
}

test('with nothing to change, diff says nothing and exits 0', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  expect(await sandbox.gitops(['diff'])).toMatchObject({ code: 0, said: '' })
  sandbox.commit({ 'README.md': 'not managed' })
  expect(await sandbox.gitops(['diff'])).toMatchObject({ code: 0, said: '' })
})

test('new, changed, deleted, mode, type and binary are told apart, line by line', async ({ sandbox }) => {
  const lines = (change: (line: number) => string): string => Array.from({ length: 20 }, (_, line) => `${change(line)}\n`).join('')
  sandbox.commit({
    '.claude/changed': lines((line) => `line ${line}`),
    '.claude/deleted': 'gone\n',
    '.claude/run': 'r',
    '.claude/bin': Buffer.from([0, 1, 2]),
    '.claude/link': 'file',
    '.claude/same': 'same',
  })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.git(sandbox.work, 'rm', '-q', '.claude/deleted', '.claude/link')
  const commit = sandbox.commit({
    '.claude/changed': lines((line) => (line === 10 ? 'LINE 10' : `line ${line}`)),
    '.claude/new': 'hello\nworld\n',
    '.claude/empty': '',
    '.claude/run': { text: 'r', mode: 0o755 },
    '.claude/bin': Buffer.from([0, 1, 3]),
    '.claude/link': { link: 'same' },
  })
  const before = sandbox.tree(claude(sandbox))
  const { code, said, stderr } = await sandbox.gitops(['diff'])
  expect([code, stderr]).toEqual([3, ''])
  expect(about(sandbox, said, 'changed')).toBe(
    `${join(claude(sandbox), 'changed')}  (changed)\n@@ -8,7 +8,7 @@\n line 7\n line 8\n line 9\n-line 10\n+LINE 10\n line 11\n line 12\n line 13\n`,
  )
  expect(about(sandbox, said, 'new')).toContain('(new)\n@@ -1,0 +1,2 @@\n+hello\n+world\n')
  expect(about(sandbox, said, 'empty')).toContain('(new)\n')
  expect(about(sandbox, said, 'deleted')).toContain('(deleted)\n@@ -1,1 +1,0 @@\n-gone\n')
  expect(about(sandbox, said, 'run')).toContain('(mode 644 becomes 755)\n')
  expect(about(sandbox, said, 'bin')).toContain('(changed)\n  binary or very large; its bytes differ\n')
  expect(about(sandbox, said, 'link')).toContain('(a file becomes a link)')
  expect(about(sandbox, said, 'same')).toBe('')
  expect(said).toContain(`Would apply: team ${commit.slice(0, 7)}, 2 created, 4 updated, 1 deleted.`)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test('drift is told as drift, and what a person wrote is said to be kept', async ({ sandbox }) => {
  sandbox.commit({ '.claude/edited': 'ours\n', '.claude/missing': 'm', '.claude/mode': 'm', '.claude/type': 't', '.claude/out': 'o' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/edited': 'mine\n', '.claude/out': 'mine too' })
  rmSync(join(claude(sandbox), 'missing'))
  chmodSync(join(claude(sandbox), 'mode'), 0o755)
  rmSync(join(claude(sandbox), 'type'))
  symlinkSync('edited', join(claude(sandbox), 'type'))
  sandbox.commit({ '.claude/out': null })
  const { code, said } = await sandbox.gitops(['diff'])
  expect(code).toBe(3)
  expect(about(sandbox, said, 'edited')).toContain(
    '(changed, edited since it was applied, a copy of what is there now is kept)\n@@ -1,1 +1,1 @@\n-mine\n+ours\n',
  )
  expect(about(sandbox, said, 'missing')).toContain('(put back, missing since it was applied)')
  expect(about(sandbox, said, 'mode')).toContain('(mode 755 becomes 644, changed since it was applied)')
  expect(about(sandbox, said, 'type')).toContain(
    '(a link becomes a file, replaced by something else since it was applied, a copy of what is there now is kept)',
  )
  expect(about(sandbox, said, 'out')).toContain('(deleted, edited since it was applied, a copy of what is there now is kept)')
})

test('at first contact diff tells what would be kept and what would be refused', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/CLAUDE.md': 'mine\n', '.claude/settings.json': '{"theme":"dark"}', '.claude/equal': 'equal' })
  sandbox.commit({ '.claude/CLAUDE.md': 'ours\n', '.claude/settings.json': '{}', '.claude/equal': 'equal' })
  sandbox.config()
  const { code, said } = await sandbox.gitops(['diff'])
  expect(code).toBe(5)
  expect(about(sandbox, said, 'CLAUDE.md')).toContain('(changed, a copy of what is there now is kept)\n@@ -1,1 +1,1 @@\n-mine\n+ours\n')
  expect(about(sandbox, said, 'settings.json')).toContain('(refused: is there already and holds the key "theme", which the source lacks')
  expect(about(sandbox, said, 'equal')).toBe('')
  expect(said).toMatch(/^Refused: team/m)
  expect(existsSync(join(sandbox.state, 'inventory.json'))).toBe(false)
})

test('a shrinking source shows what would go, and that it would be refused', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a\n', x: 'x' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ '.claude': null })
  const { code, said } = await sandbox.gitops(['diff'])
  expect(code).toBe(5)
  expect(about(sandbox, said, 'a')).toContain('(deleted)\n@@ -1,1 +1,0 @@\n-a\n')
  expect(said).toContain('Refused: team')
})

test('a diff is coloured for a person who asks for colour, and plain in a pipe', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a\n' })
  sandbox.config()
  expect((await sandbox.gitops(['diff'])).said).not.toContain('\u001b')
  const { said } = await sandbox.gitops(['diff'], { env: { NO_COLOR: undefined, FORCE_COLOR: '1' } })
  expect(said).toContain('\u001b[32m+a\u001b[39m')
})

/** A home without what a dry run may change: fetched objects and the lock's own directory. */
function home(sandbox: Sandbox): Record<string, string> {
  const may = /^\.local\/(?:state\/(?:gitops\/(?:story\/(?:(?:sources|lock)\/.*)?)?)?)?$/
  return Object.fromEntries(Object.entries(sandbox.tree(sandbox.home)).filter(([path]) => !may.test(path)))
}

test('a dry run tells the same story as the run that follows, and writes nothing at all', async ({ sandbox }) => {
  const marks = `checks: { validate: [{ name: 'valid', run: 'touch ~/validated' }], smoke: [{ name: 'works', run: 'touch ~/smoked' }] },
    tasks: { before: [{ name: 'stop', run: 'touch ~/stopped' }], after: [{ name: 'start', run: 'touch ~/started' }] },`
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, marks))
  sandbox.write(sandbox.home, { '.claude/CLAUDE.md': 'mine', '.claude/app': 'app' })
  sandbox.commit({ '.claude/CLAUDE.md': 'ours', '.claude/d/new': 'new' })
  const dryly = async (): Promise<string> => {
    const before = home(sandbox)
    const dry = await sandbox.gitops(['reconcile', '--dry-run'])
    expect(dry.code).toBe(3)
    const json = await sandbox.gitops(['reconcile', '--dry-run', '--json'])
    expect(json.code).toBe(3)
    expect(JSON.parse(json.stdout.trim().split('\n').at(-1) as string)).toMatchObject({ kind: 'verdict', outcome: 'applied', exitCode: 3 })
    expect((await sandbox.gitops(['diff'])).code).toBe(3)
    expect((await sandbox.gitops(['status', '--fetch', '--exit-code'])).code).toBe(3)
    expect(home(sandbox)).toEqual(before)
    return dry.said
  }

  const first = await dryly()
  for (const line of [
    'pull · team',
    'claude: 1 to create, 1 to update',
    'dry run: would run valid',
    'dry run: nothing was written',
    'dry run: would run works',
  ])
    expect(first).toContain(line)
  expect(first).toMatch(/Would apply: team [0-9a-f]{7}, 1 created, 1 updated\.$/m)
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 created, 1 updated')
  for (const mark of ['validated', 'smoked', 'stopped', 'started']) rmSync(join(sandbox.home, mark))

  sandbox.write(sandbox.home, { '.claude/CLAUDE.md': 'edited' })
  const drift = await dryly()
  expect(drift).toContain('edited since it was applied')
  expect(drift).toContain('drift would be healed')
  expect((await sandbox.gitops(['reconcile'])).said).toContain('drift was healed')

  sandbox.commit({ '.claude/d': null, '.claude/e': 'e' } as never)
  await dryly()
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 created, 1 deleted')
})

test('a dry run in sync exits 0, one that would be refused exits 5, and neither is remembered as an attempt', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const before = home(sandbox)
  expect((await sandbox.gitops(['reconcile', '--dry-run'])).code).toBe(0)
  sandbox.commit({ '.claude': null, x: 'x' } as never)
  const refused = await sandbox.gitops(['reconcile', '--dry-run'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('--allow-shrink')
  expect((await sandbox.gitops(['reconcile', '--dry-run', '--allow-shrink'])).code).toBe(3)
  expect(home(sandbox)).toEqual(before)
})

test('a dry run after a killed one says that the next run undoes it, and leaves everything for that', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'slow', run: 'test -e ~/fast || { touch ~/begun; sleep 30; }' }] },`),
  )
  const run = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'begun'))) await sleep(20)
  run.kill('SIGKILL')
  await sleep(100)
  const before = home(sandbox)
  const dry = await sandbox.gitops(['reconcile', '--dry-run'])
  expect(dry.said).toContain('a run was killed half-way: the next `gitops reconcile` undoes that first')
  expect(dry.said).not.toContain('is undone')
  await sandbox.gitops(['diff'])
  await sandbox.gitops(['status'])
  expect(home(sandbox)).toEqual(before)
  writeFileSync(join(sandbox.home, 'fast'), '')
  const real = await sandbox.gitops(['reconcile'])
  expect(real.said).toContain('half done and is undone')
  expect(real.code).toBe(0)
})

test('diff and a dry run after a killed run say that it will be undone first, and that there is something to do', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a.md': 'one\n' })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'slow', run: 'touch ~/inside; sleep 30' }] },`))
  const killed = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'inside'))) await sleep(20)
  killed.kill('SIGKILL')
  await new Promise((done) => killed.once('close', done))
  for (const args of [['diff'], ['reconcile', '--dry-run']]) {
    const ran = await sandbox.gitops(args)
    expect(ran.said).toContain('A run was killed half-way')
    expect(ran.code).toBe(3)
  }
  expect(sandbox.live('.claude/a.md')).toBe('one\n')
})

import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { atMoment } from '../support/moment.ts'
import { DEFAULT_CONFIG, test } from '../support/sandbox.ts'

const run = (command: string): string => JSON.stringify([{ name: 'somebody else', run: command }])

test('a directory that becomes a link between plan and write is not written through', async ({ sandbox }) => {
  sandbox.commit({ '.claude/agents/a': 'one' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ '.claude/agents/a': 'two', '.claude/agents/b': 'new' })
  // The same content behind the link, so that nothing but the link tells the difference.
  const swap = 'mkdir ~/out && printf one > ~/out/a && mv ~/.claude/agents ~/moved && ln -s ~/out ~/.claude/agents'
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { validate: ${run(swap)} }`))
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code).toBe(1)
  expect(ran.said).toContain('/.claude/agents was changed by something else')
  expect(sandbox.tree(join(sandbox.home, 'out'))).toEqual({ a: '644 one' })
  expect(sandbox.tree(join(sandbox.home, 'moved'))).toEqual({ a: '644 one' })
})

test('a rollback does not follow a link that a directory has become', async ({ sandbox }) => {
  sandbox.commit({ '.claude/agents/a': 'one' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ '.claude/agents/a': 'two', '.claude/agents/b': 'new' })
  // Only once: it is asked again after the rollback.
  const swap = '[ -e ~/out ] || { cp -a ~/.claude/agents ~/out; mv ~/.claude/agents ~/moved; ln -s ~/out ~/.claude/agents; }; false'
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: ${run(swap)} }`))
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code).toBe(6)
  expect(ran.said).toMatch(/left alone.*agents\/a/)
  expect(sandbox.tree(join(sandbox.home, 'out'))).toEqual({ a: '644 two', b: '644 new' })
})

test('what a run had begun in a directory that a link has replaced meanwhile is swept once that directory is back', async ({ sandbox }) => {
  sandbox.commit({ '.claude/agents/a': 'one', '.claude/agents/gone': 'one' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ '.claude/agents/gone': null })
  sandbox.commit({ '.claude/agents/a': 'two', '.claude/agents/b': 'new' })
  const moved = join(sandbox.home, 'moved')
  const temporary = (directory: string): string[] => readdirSync(directory).filter((name) => name.startsWith('.gitops-'))
  const meanwhile = 'mkdir ~/out && mv .claude/agents ~/moved && ln -s ~/out .claude/agents'
  expect((await atMoment(sandbox, ['reconcile'], { call: 'renameSync', at: '.claude/agents/a', meanwhile })).code).not.toBe(0)
  expect((await sandbox.gitops(['reconcile'])).code).not.toBe(0)
  expect(temporary(moved)).not.toEqual([])
  rmSync(join(sandbox.home, '.claude/agents'))
  renameSync(moved, join(sandbox.home, '.claude/agents'))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(join(sandbox.home, '.claude/agents'))).toEqual({ a: '644 two', b: '644 new' })
  expect(existsSync(join(sandbox.state, 'behind.json'))).toBe(false)
})

test('a path that no file system holds is refused, and nothing is stuck', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const blob = sandbox.git(sandbox.work, 'rev-parse', 'HEAD:.claude/a')
  const push = (parts: readonly string[]): void => {
    sandbox.git(sandbox.work, 'read-tree', '--empty')
    sandbox.git(sandbox.work, 'update-index', '--add', '--cacheinfo', `100644,${blob},.claude/a`)
    sandbox.git(sandbox.work, 'update-index', '--add', '--cacheinfo', `100644,${blob},.claude/${parts.join('/')}`)
    sandbox.git(sandbox.work, 'commit', '--quiet', '-m', 'long')
    sandbox.git(sandbox.work, 'push', '--quiet', '--force', 'origin', 'HEAD')
  }
  push(['new', 'n'.repeat(256)])
  expect(await sandbox.gitops(['reconcile'])).toMatchObject({
    code: 5,
    said: expect.stringContaining('is longer than the 255 bytes') as string,
  })
  push(Array.from({ length: 19 }, () => 'd'.repeat(212)))
  expect(await sandbox.gitops(['reconcile'])).toMatchObject({
    code: 5,
    said: expect.stringContaining('is longer than the 4000 bytes') as string,
  })
  expect(Object.keys(sandbox.tree(join(sandbox.home, '.claude')))).toEqual(['a'])
})

test('a damaged journal is put aside where nothing is half done, and stuck where the inventory is damaged as well', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  for (const text of ['', '{"format":1', '{"format":1}', '{"format":1,"open":[{}]}']) {
    sandbox.write(sandbox.state, { 'journal.json': text })
    const ran = await sandbox.gitops(['reconcile'])
    expect([ran.code, ran.said]).toEqual([0, expect.stringContaining('journal.json is damaged')])
    expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
  }
  sandbox.write(sandbox.state, { 'journal.json': 'x', 'inventory.json': 'x', 'copies/inventory.json': 'x' })
  const before = sandbox.tree(sandbox.state)
  for (const command of ['reconcile', 'rollback', 'retry']) {
    const ran = await sandbox.gitops([command])
    expect([command, ran.code]).toEqual([command, 4])
    expect(ran.said).toContain('journal.json and inventory.json are both damaged')
    expect(sandbox.tree(sandbox.state)).toEqual(before)
  }
})

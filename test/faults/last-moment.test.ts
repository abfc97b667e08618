import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { atMoment } from '../support/moment.ts'
import { DEFAULT_CONFIG, sandboxIn, type Sandbox } from '../support/sandbox.ts'

/** What is live, temporary files of ours included. */
const live = (sandbox: Sandbox): Record<string, string> => sandbox.tree(join(sandbox.home, '.claude'))

/** Two files of ours are live; the next commit changes one, deletes the other and brings a third. */
const world = sandboxIn(mkdtempSync(join(tmpdir(), 'gitops-test-')))
beforeAll(async () => {
  world.commit({ '.claude/a': 'one', '.claude/gone': 'one' })
  world.config()
  expect((await world.gitops(['reconcile'])).code).toBe(0)
  world.commit({ '.claude/gone': null, '.claude/a': 'two', '.claude/new': 'two' } as never)
})
afterAll(() => rmSync(world.root, { recursive: true, force: true }))

/** The world, with live what was live at its beginning: whatever comes of the new commit, it is not applied. */
function begun(more = ''): Sandbox {
  rmSync(join(world.home, '.claude'), { recursive: true })
  world.write(world.home, { '.claude/a': 'one', '.claude/gone': 'one' })
  world.config(DEFAULT_CONFIG(world.remote, more))
  return world
}

/** A smoke check that fails where the new revision is live. */
const BAD = `checks: { smoke: [{ name: 'old', run: 'grep -q one ~/.claude/a' }] }`

/** Whether a copy of that text is kept; what nothing names is swept by the run itself. */
const isKept = (sandbox: Sandbox, text: string): boolean => {
  const name = createHash('sha256').update(text).digest('hex')
  return existsSync(join(sandbox.state, 'kept', name.slice(0, 2), name.slice(2)))
}

test('an edit between our last look at a file and the moment its new version takes its place is not lost', async () => {
  const sandbox = begun()
  const ran = await atMoment(sandbox, ['reconcile'], { call: 'renameSync', at: '.claude/a', meanwhile: 'printf mine >> .claude/a' })
  expect([ran.code, ran.said]).toEqual([1, expect.stringContaining('.claude/a was changed by something else')])
  expect(live(sandbox)).toEqual({ a: '644 onemine', gone: '644 one' })
})

test('a file that somebody saves anew at the moment of its deletion is not lost', async () => {
  const sandbox = begun()
  const save = 'printf mine > .claude/gone.new && mv .claude/gone.new .claude/gone'
  const ran = await atMoment(sandbox, ['reconcile'], { call: 'renameSync', at: '.claude/gone', meanwhile: save })
  expect(ran.code).toBe(1)
  expect(live(sandbox)).toEqual({ a: '644 one', gone: '644 mine' })
})

test('an edit at the moment in which a rollback puts the old version back, or removes a file, is not lost, and is named', async () => {
  const sandbox = begun(BAD)
  const ran = await atMoment(
    sandbox,
    ['reconcile'],
    { call: 'renameSync', at: '.claude/a', nth: 2, meanwhile: 'printf mine >> .claude/a' },
    { call: 'renameSync', at: '.claude/new', meanwhile: 'printf mine >> .claude/new' },
  )
  expect([ran.code, ran.said]).toEqual([6, expect.stringMatching(/left alone.*\.claude\/a/)])
  expect(ran.said).toMatch(/left alone.*\.claude\/new/)
  expect(live(sandbox)).toEqual({ a: '644 twomine', gone: '644 one', new: '644 twomine' })
})

test('a run that is killed right after it has replaced, or moved away, what was edited at the last moment leaves the edit to the next run', async () => {
  const sandbox = begun()
  for (const file of ['a', 'gone']) {
    const meanwhile = `printf ${file} >> .claude/${file}`
    await atMoment(sandbox, ['reconcile'], { call: 'renameSync', at: `.claude/${file}`, meanwhile, dies: true })
    expect(Object.keys(live(sandbox)).filter((name) => name.startsWith('.gitops-old-'))).toHaveLength(1)
  }
  // The first edit was put back by the second run, which was killed as well; by now somebody has written there once more.
  sandbox.write(sandbox.home, { '.claude/gone': 'theirs' })
  const ran = await sandbox.gitops(['reconcile'])
  expect([ran.code, ran.said]).toEqual([0, expect.stringMatching(/left alone: \S+\/gone/)])
  expect(['onea', 'onegone', 'theirs'].map((text) => isKept(sandbox, text))).toEqual([true, true, true])
  expect(live(sandbox)).toEqual({ a: '644 two', new: '644 two' })
})

test('what an application writes into a document at the moment at which our keys go into it is not lost', async () => {
  const sandbox = begun()
  sandbox.commit({ '.claude/settings.json': '{"ours":1}' })
  const merged = DEFAULT_CONFIG(sandbox.remote).replace("to: '~/.claude' }", "to: '~/.claude', documents: { 'settings.json': 'merge' } }")
  sandbox.config(merged)
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"app":1}' })
  const meanwhile = `printf '{"app":2}' > .claude/settings.json`
  expect((await atMoment(sandbox, ['reconcile'], { call: 'renameSync', at: 'settings.json', meanwhile })).said).toContain('Applied')
  expect(JSON.parse(sandbox.live('.claude/settings.json'))).toEqual({ app: 2, ours: 1 })
  expect(Object.keys(live(sandbox))).toEqual(['a', 'gone', 'new', 'settings.json'])
})

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const NOTIFY = `notify: [{ run: 'cat >> ~/alerts' }],`

async function run(sandbox: Sandbox, code: number, ...args: string[]): Promise<string> {
  const ran = await sandbox.gitops(args)
  expect(ran.code, ran.said).toBe(code)
  return ran.said
}

async function begun(sandbox: Sandbox): Promise<string> {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, NOTIFY))
  const commit = sandbox.commit({ '.claude/a': 'one' })
  await run(sandbox, 0, 'reconcile')
  return commit
}

const types = (sandbox: Sandbox): unknown[] =>
  readFileSync(join(sandbox.state, 'audit.log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { change_type: string }).change_type)

test('a pinned source stays at its commit: drift is healed, what is newer waits, status says who and why, and unpin lets it go on', async ({
  sandbox,
}) => {
  const one = await begun(sandbox)
  expect(await run(sandbox, 0, 'pin', '--reason', 'release week')).toContain(`team stays at ${one.slice(0, 7)}`)
  const two = sandbox.commit({ '.claude/a': 'two' })
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  expect(await run(sandbox, 0, 'reconcile')).toContain('drift was healed')
  expect(sandbox.live('.claude/a')).toBe('one')
  expect(await run(sandbox, 0, 'reconcile')).toContain('In sync')
  const status = await run(sandbox, 0, 'status', '--exit-code')
  expect(status).toMatch(new RegExp(`pinned +${one.slice(0, 7)} {2}.* ago by \\S+: release week; ${two.slice(0, 7)} waits`))
  expect(await run(sandbox, 0, 'unpin')).toContain('follows its source again')
  await run(sandbox, 0, 'reconcile')
  expect(sandbox.live('.claude/a')).toBe('two')
  expect(types(sandbox)).toEqual(['applied', 'pinned', 'healed', 'unpinned', 'applied'])
})

test('a source can be pinned to an older commit that was fetched, also when its branch has been rewritten since', async ({ sandbox }) => {
  const one = await begun(sandbox)
  sandbox.git(sandbox.work, 'checkout', '-q', '--orphan', 'fresh')
  sandbox.commit({ '.claude/a': 'other' })
  sandbox.git(sandbox.work, 'push', '-qf', 'origin', 'HEAD:main')
  await run(sandbox, 0, 'reconcile')
  expect(await run(sandbox, 1, 'pin', 'f'.repeat(40))).toContain('has no revision')
  await run(sandbox, 0, 'pin', one.slice(0, 10))
  // Neither the branch nor what is applied leads to it any more.
  const clone = Object.keys(sandbox.tree(join(sandbox.state, 'sources'))).find((path) => /^[^/]+\.git\/$/.test(path))
  sandbox.git(join(sandbox.state, 'sources', clone ?? ''), 'gc', '-q', '--prune=now')
  await run(sandbox, 0, 'reconcile')
  expect(sandbox.live('.claude/a')).toBe('one')
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  await run(sandbox, 0, 'reconcile')
  expect(sandbox.live('.claude/a')).toBe('one')
})

test('a suspended source is left alone, drift included, without an alert, until it is resumed', async ({ sandbox }) => {
  await begun(sandbox)
  expect(await run(sandbox, 0, 'suspend', '--reason', 'I am looking at something')).toContain('team is suspended')
  sandbox.commit({ '.claude/a': 'two' })
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  for (let round = 0; round < 2; round += 1) expect(await run(sandbox, 5, 'reconcile')).toMatch(/suspended .* ago by .*: I am looking at/)
  const { stdout } = await sandbox.gitops(['reconcile', '--json'])
  expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ outcome: 'refused', exitCode: 5, reason: 'Suspended' })
  expect(sandbox.live('.claude/a')).toBe('drift')
  expect(existsSync(join(sandbox.home, 'alerts'))).toBe(false)
  expect(await run(sandbox, 5, 'status', '--exit-code')).toMatch(/suspended +.* ago by .*: I am looking at something/)
  expect(await run(sandbox, 0, 'status')).toMatch(/current +not looked at while it is suspended, last asked .* ago/)
  expect(await run(sandbox, 0, 'resume')).toContain('is reconciled again')
  expect(await run(sandbox, 0, 'resume')).toContain('was not suspended')
  await run(sandbox, 0, 'reconcile')
  expect(sandbox.live('.claude/a')).toBe('two')
  expect(types(sandbox)).toEqual(['applied', 'suspended', 'resumed', 'applied'])
  await run(sandbox, 0, 'suspend')
  expect(await run(sandbox, 0, 'rollback')).toMatch(
    /Rolled back: team[^]*team is suspended by .*; nothing is done for it until `gitops resume`/,
  )
})

test('with several sources pin wants to be told which, and a name that is none is one sentence', async ({ sandbox }) => {
  sandbox.commit({ 'a/x': '1', 'b/x': '1' })
  const repo = JSON.stringify(sandbox.remote)
  sandbox.config(`{ name: 'story', sources: { one: { repo: ${repo}, ref: 'main' }, two: { repo: ${repo}, ref: 'main' } },
    targets: { a: { source: 'one', from: 'a', to: '~/a' }, b: { source: 'two', from: 'b', to: '~/b' } } }`)
  await run(sandbox, 0, 'reconcile')
  expect(await run(sandbox, 2, 'pin')).toContain('Name one with --source.')
  expect(await run(sandbox, 2, 'suspend', '--source', 'nosuch')).toContain('there is no source "nosuch"')
  await run(sandbox, 0, 'suspend', '--source', 'one')
  sandbox.commit({ 'a/x': '2', 'b/x': '2' })
  await run(sandbox, 5, 'reconcile')
  expect([sandbox.live('a/x'), sandbox.live('b/x')]).toEqual(['1', '2'])
})

test('whoever pins a revision that was rolled back by hand gets it again; one that failed its checks is refused at once', async ({
  sandbox,
}) => {
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `retry: { attempts: 1 }, checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/a' }] }`),
  )
  sandbox.commit({ '.claude/a': 'one' })
  await run(sandbox, 0, 'reconcile')
  const two = sandbox.commit({ '.claude/a': 'two' })
  await run(sandbox, 0, 'reconcile')
  await run(sandbox, 0, 'rollback')
  await run(sandbox, 0, 'pin', two)
  await run(sandbox, 0, 'reconcile')
  expect(sandbox.live('.claude/a')).toBe('two')
  await run(sandbox, 0, 'unpin')
  const bad = sandbox.commit({ '.claude/a': 'bad' })
  await sandbox.gitops(['reconcile'])
  expect((await sandbox.gitops(['pin', bad])).said).toMatch(/was rolled back and is held .*`gitops retry`/s)
  expect(await run(sandbox, 0, 'status')).not.toMatch(/^ +pinned/m)
})

test('a pin is judged by what its commit asks for: what failed is said and known by content, whichever commit brings it', async ({
  sandbox,
}) => {
  const checks = `checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/a' }] }`
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, checks))
  sandbox.commit({ '.claude/a': 'one' })
  await run(sandbox, 0, 'reconcile')
  const bad = sandbox.commit({ '.claude/a': 'bad' })
  await run(sandbox, 6, 'reconcile')
  const same = sandbox.commit({ 'beside.md': 'changes nothing here' })
  await run(sandbox, 5, 'reconcile')
  const said = await run(sandbox, 0, 'pin', same)
  expect(said).toMatch(
    new RegExp(`with the same content as ${bad.slice(0, 7)}, was rolled back \\(.*\\), and is tried again in .*retry`, 's'),
  )
  const conditions = JSON.parse(readFileSync(join(sandbox.state, 'conditions.json'), 'utf8')) as object
  expect(JSON.stringify(conditions)).toMatch(/"type":"Ready","status":"False","reason":"RolledBack"/)
  expect(await run(sandbox, 5, 'reconcile')).toMatch(/is tried again in/)
  await run(sandbox, 6, 'retry')
  await run(sandbox, 6, 'retry')
  expect(await run(sandbox, 5, 'pin', bad)).toMatch(/was rolled back and is held .*nothing was pinned/s)
  expect(await run(sandbox, 5, 'pin', same)).toMatch(/is held .*nothing was pinned/s)

  // What a person took back and names again, in another commit, is wanted again.
  await run(sandbox, 0, 'unpin')
  sandbox.commit({ '.claude/a': 'two' })
  await run(sandbox, 0, 'reconcile')
  await run(sandbox, 0, 'rollback')
  const again = sandbox.commit({ 'beside.md': 'once more' })
  await run(sandbox, 5, 'reconcile')
  await run(sandbox, 0, 'pin', again)
  await run(sandbox, 0, 'reconcile')
  expect(sandbox.live('.claude/a')).toBe('two')
})

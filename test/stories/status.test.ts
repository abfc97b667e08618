import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Ran, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')

interface Report {
  readonly kind: string
  readonly name: string
  readonly exitCode: number
  readonly interrupted: boolean
  readonly running: string | null
  readonly lastRun: string | null
  readonly fetched: boolean
  readonly sources: readonly {
    readonly name: string
    readonly ready: boolean
    readonly summary: string
    readonly outcome: string
    readonly applied: { readonly commit: string; readonly at: string } | null
    readonly attempted: { readonly commit: string | null; readonly outcome: string; readonly message: string } | null
    readonly fetchedAt: string | null
    readonly current: string | null
    readonly ref: string | null
    readonly refuses: { readonly commit: string; readonly reason: string } | null
    readonly drift: readonly { readonly path: string; readonly kind: string; readonly what: string }[]
    readonly pending: string
    readonly problem: string | null
  }[]
}

/** The text, the JSON and the exit code of one moment; they must not contradict each other. */
async function status(
  sandbox: Sandbox,
  ...more: string[]
): Promise<{ text: string; code: number; report: Report; source: Report['sources'][0] }> {
  const text: Ran = await sandbox.gitops(['status', ...more])
  expect([text.code, text.stderr]).toEqual([0, ''])
  const json = await sandbox.gitops(['status', '--json', '--exit-code', ...more])
  expect(json.stdout.trim().split('\n')).toHaveLength(1)
  const report = JSON.parse(json.stdout) as Report
  expect(report.exitCode).toBe(json.code)
  const source = report.sources[0] as Report['sources'][0]
  expect(text.said).toContain(source.summary)
  expect(text.said).toContain(source.ready ? '✔ team' : '✖ team')
  return { text: text.said, code: json.code, report, source }
}

test('before the first run, status says that nothing was applied and what to do', async ({ sandbox }) => {
  const commit = sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  const before = await status(sandbox)
  expect(before.code).toBe(3)
  expect(before.text).toContain('Never applied: run `gitops reconcile`')
  expect(before.text).toContain('Last run never')
  expect(before.source).toMatchObject({ ready: false, applied: null, attempted: null, current: null, drift: [], refuses: null })
  expect(before.report).toMatchObject({ kind: 'status', name: 'story', lastRun: null, fetched: false, interrupted: false, running: null })
  expect(existsSync(join(sandbox.home, '.local'))).toBe(false)

  const asked = await status(sandbox, '--fetch')
  expect(asked.code).toBe(3)
  expect(asked.source).toMatchObject({ current: commit, ref: 'main', pending: 'claude: 1 created' })
  expect(asked.text).toContain('asked just now')
  expect((await status(sandbox)).text).toMatch(/last asked \d/)
  expect(existsSync(claude(sandbox))).toBe(false)
})

test('in sync is one green line, the commit, and when', async ({ sandbox }) => {
  const commit = sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const now = await status(sandbox)
  expect(now.code).toBe(0)
  expect(now.text).toContain('No drift: what is live matches Git')
  expect(now.text).toMatch(new RegExp(`last applied +${commit.slice(0, 7)} {2}\\d`))
  expect(now.text).toMatch(new RegExp(`current +${commit.slice(0, 7)} {2}main, last asked \\d`))
  expect(now.text).not.toMatch(/drift {2,}|problem|held|would be|last attempted/)
  expect(now.source).toMatchObject({ ready: true, outcome: 'in-sync', current: commit, problem: null })
  expect(now.source.applied?.commit).toBe(commit)
})

test('drift is listed by path and kind, and status leaves it as it is', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b', '.claude/c': 'c', '.claude/d': 'd' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a': 'edited', '.claude/d': { link: 'a' } })
  rmSync(join(claude(sandbox), 'b'))
  chmodSync(join(claude(sandbox), 'c'), 0o755)
  const before = sandbox.tree(claude(sandbox))
  const now = await status(sandbox)
  expect(now.code).toBe(3)
  expect(now.source.drift).toEqual(
    [
      ['a', 'edited', 'edited'],
      ['b', 'missing', 'deleted'],
      ['c', 'mode', 'other permissions'],
      ['d', 'type', 'is a link now'],
    ].map(([name, kind, what]) => ({ path: join(claude(sandbox), name as string), kind, what, answer: 'heal', source: 'same' })),
  )
  for (const { path, what } of now.source.drift) expect(now.text).toContain(`${path}  ${what}`)
  expect(now.text).toContain('would be        claude: 1 created, 3 updated')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test('status does not ask the source unless told to, and tells how old its knowledge is', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const next = sandbox.commit({ '.claude/a': 'b', '.claude/c': 'c' })
  expect((await status(sandbox)).code).toBe(0)
  const asked = await status(sandbox, '--fetch')
  expect(asked.code).toBe(3)
  expect(asked.text).toContain('Behind: `gitops reconcile` applies what is new')
  expect(asked.source).toMatchObject({ current: next, pending: 'claude: 1 created, 1 updated', drift: [] })
  expect(sandbox.live('.claude/a')).toBe('a')
})

test('a newer commit that changes nothing here is no reason to act', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ 'README.md': 'x' })
  expect((await status(sandbox, '--fetch')).code).toBe(0)
})

test('a held revision is shown with its reason, and what is live is the one before it', async ({ sandbox }) => {
  const good = sandbox.commit({ '.claude/a': 'good' })
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `retry: { attempts: 1 }, checks: { smoke: [{ name: 'is good', run: 'grep -q good ~/.claude/a' }] },`),
  )
  await sandbox.gitops(['reconcile'])
  const bad = sandbox.commit({ '.claude/a': 'bad' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  for (const again of [false, true]) {
    if (again) expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
    const now = await status(sandbox)
    expect(now.code).toBe(5)
    expect(now.text).toContain('Not ready: a revision was rolled back and is held')
    expect(now.text).toMatch(new RegExp(`held +${bad.slice(0, 7)} since .* ago: check "is good"`))
    expect(now.text).toMatch(new RegExp(`last attempted +${bad.slice(0, 7)}`))
    expect(now.source.applied?.commit).toBe(good)
    expect(now.source).toMatchObject({ ready: false, outcome: 'refused', current: bad, refuses: { commit: bad, attempts: 1 } })
  }
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  expect((await status(sandbox)).text).toContain('is held, and there is drift')
})

test('a run that was killed half-way needs attention, and status does not mend it', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'slow', run: 'test -e ~/fast || { touch ~/begun; sleep 30; }' }] },`),
  )
  const run = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'begun'))) await sleep(20)
  const during = await status(sandbox)
  expect(during.text).toContain(`A run is under way: process ${run.pid}`)
  expect(during.report.interrupted).toBe(false)
  run.kill('SIGKILL')
  await sleep(100)
  const before = sandbox.tree(sandbox.state)
  const now = await status(sandbox)
  expect(now.code).toBe(3)
  expect(now.report.interrupted).toBe(true)
  expect(now.text).toContain('A run was killed half-way; the next `gitops reconcile` undoes it first.')
  expect(sandbox.live('.claude/a')).toBe('one')
  expect(Object.keys(sandbox.tree(sandbox.state)).filter((path) => !path.startsWith('lock/'))).toEqual(
    Object.keys(before).filter((path) => !path.startsWith('lock/')),
  )
  writeFileSync(join(sandbox.home, 'fast'), '')
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect((await status(sandbox)).code).toBe(0)
})

test('while a run writes, status says that it is under way; once that is killed, an older attempt is no reason to think that all is back', async ({
  sandbox,
}) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'slow', run: 'touch ~/begun; sleep 30' }] },`))
  sandbox.commit({ '.claude/a': 'two' })
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    const run = sandbox.start(['reconcile'])
    const ended = new Promise((done) => run.once('exit', done))
    while (!existsSync(join(sandbox.home, 'begun'))) await sleep(20)
    expect((await status(sandbox)).source).toMatchObject({ ready: false, summary: 'Not ready: a run is under way', problem: null })
    rmSync(join(sandbox.home, 'begun'))
    run.kill(signal)
    await ended
    if (signal === 'SIGINT') expect((await status(sandbox)).text).toContain('What was there before is back')
  }
  const now = await status(sandbox)
  expect([now.code, now.report.interrupted, now.source.problem]).toEqual([3, true, null])
  expect(now.text).not.toContain('is back')
})

test('a fetch that failed is not called in sync until the source has answered', async ({ sandbox }) => {
  const commit = sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const fetchedAt = (await status(sandbox)).source.fetchedAt
  renameSync(sandbox.remote, `${sandbox.remote}.away`)
  const asked = await status(sandbox, '--fetch')
  expect(asked.code).toBe(1)
  expect(asked.source).toMatchObject({ ready: false, outcome: 'failed', current: null })
  expect(asked.text).toContain(`${sandbox.remote} does not exist`)
  // Nobody has tried since, as far as the last run knows.
  expect((await status(sandbox)).code).toBe(0)

  expect((await sandbox.gitops(['reconcile'])).code).toBe(1)
  const failed = await status(sandbox)
  expect(failed.code).toBe(1)
  expect(failed.text).toMatch(/last attempted +not fetched .* failed/)
  expect(failed.text).toContain(`${sandbox.remote} does not exist`)
  expect(failed.source).toMatchObject({ ready: false, current: commit, fetchedAt })

  renameSync(`${sandbox.remote}.away`, sandbox.remote)
  expect((await status(sandbox, '--fetch')).code).toBe(0)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect((await status(sandbox)).code).toBe(0)
})

test('a revision that was refused for what is in its secrets, or by a check, is called refused, and why, until it is another one', async ({
  sandbox,
}) => {
  const me = await member()
  trust(sandbox, me)
  const good = await sops(me, { token: 'the first token' })
  sandbox.commit({ '.claude/a': 'a', 's/token': good })
  const config = (more = ''): void =>
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `secrets: { token: { from: 's/token', to: '~/.app/token' } }, ${more}`))
  config()
  await sandbox.gitops(['reconcile'])
  const bad = sandbox.commit({ 's/token': (await sops(me, { token: 'a', x_unencrypted: 'clear' })).replace('clear', 'other') })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  const refused = await status(sandbox)
  expect(refused.code).toBe(5)
  expect(refused.text).toContain('Not ready: a reconcile is refused')
  expect(refused.text).toMatch(/problem +secret token .*its MAC does not match/)
  expect(refused.text).not.toContain('applies what is new')
  expect(refused.source).toMatchObject({ ready: false, outcome: 'refused', current: bad })

  sandbox.commit({ 's/token': good, '.claude/a': 'b' })
  expect((await status(sandbox, '--fetch')).text).toContain('Behind')
  config(`checks: { validate: [{ name: 'never', run: 'false' }] },`)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect((await status(sandbox)).text).toMatch(/refused[^]*problem +check "never"/)
})

test('a document of ours and an application that was deleted is missing, not edited', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({ '.claude/a': 'a', 's/token': await sops(me, { token: 'the first token' }) })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `secrets: { token: { from: 's/token', to: '~/.app/token.json', strategy: 'merge' } }`))
  await sandbox.gitops(['reconcile'])
  const path = join(sandbox.home, '.app/token.json')
  sandbox.write(sandbox.home, { '.app/token.json': '{"token":1}' })
  expect((await status(sandbox)).source.drift).toEqual([
    { path, kind: 'edited', what: 'edited', answer: 'heal', source: 'same', keys: ['/token'] },
  ])
  rmSync(path)
  expect((await status(sandbox)).source.drift).toEqual([
    { path, kind: 'missing', what: 'deleted', answer: 'heal', source: 'same', keys: ['/token'] },
  ])
})

test('what a reconcile would refuse, status calls refused too', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a': 'edited' })
  sandbox.commit({ '.claude': null, x: 'x' } as never)
  const shrunk = await status(sandbox, '--fetch')
  expect(shrunk.code).toBe(5)
  expect(shrunk.text).toContain('the source is empty there, and 2 of 2 files would be deleted')
  expect(shrunk.text).toContain('Not ready: a reconcile is refused, and there is drift')
  expect(shrunk.source.drift).toHaveLength(1)

  sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b', '.claude/c': 'c' })
  sandbox.write(sandbox.home, { '.claude/c/mine': 'mine' })
  const conflict = await status(sandbox, '--fetch')
  expect(conflict.code).toBe(5)
  expect(conflict.source.problem).toContain('is a directory that holds "c/mine", which is not ours')
})

test('a first fetch that fails is a failure', async ({ sandbox }) => {
  sandbox.config()
  const none = await status(sandbox, '--fetch')
  expect(none.code).toBe(1)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(1)
  expect((await status(sandbox)).code).toBe(1)
})

test('several sources have their own lines, and the worst decides the exit code', async ({ sandbox }) => {
  sandbox.commit({ 'a/x': '1', 'b/x': '1' })
  sandbox.config(`{
    name: 'story',
    sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }, gone: { repo: ${JSON.stringify(`${sandbox.remote}.gone`)} } },
    targets: { a: { source: 'team', from: 'a', to: '~/a' }, b: { source: 'gone', from: 'b', to: '~/b' } },
  }`)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(1)
  const now = await status(sandbox)
  expect(now.code).toBe(1)
  expect(now.text).toContain('✔ team')
  expect(now.text).toContain('✖ gone')
  expect(sandbox.live('a/x')).toBe('1')
})

test('what a file name holds cannot move the cursor of whoever reads the status', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a\u001b[2J\nb': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a\u001b[2J\nb': 'edited' })
  for (const args of [['status'], ['diff'], ['reconcile']]) {
    const { said } = await sandbox.gitops(args)
    expect(said).toContain('a\\u001b[2J')
    expect(said).not.toContain('\u001b')
  }
})

test('a change of the config that changes no file needs no reconcile: the same commit is not called a newer one', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'fine', run: 'true', source: 'team' }] }`))
  const now = await status(sandbox)
  expect([now.code, now.source.ready, now.source.summary]).toEqual([0, true, 'No drift: what is live matches Git'])
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
  expect((await status(sandbox)).source).toEqual({
    ...now.source,
    applied: expect.anything(),
    attempted: expect.anything(),
    conditions: expect.anything(),
    fetchedAt: expect.anything(),
  })
})

test('what a reconcile would refuse is not shown as what would be, also before the first one', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"mine":1}' })
  sandbox.commit({ '.claude/settings.json': '{"ours":1}', '.claude/b': 'b' })
  sandbox.config()
  const now = await status(sandbox, '--fetch')
  expect(now.code).toBe(5)
  expect(now.source).toMatchObject({ outcome: 'refused', pending: '', summary: 'Never applied: a reconcile is refused' })
  expect(now.text).not.toContain('would be')
  expect(now.text).toMatch(/problem +.*settings\.json is there already/)
})

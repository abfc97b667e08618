import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

interface Refused {
  readonly commit: string
  readonly attempts: number
  readonly held: boolean
  readonly class: string
  readonly reason: string
  readonly next: string | null
}

const SMOKE = `checks: { smoke: [{ name: 'good', run: 'echo x >> ~/tried; ! grep -q bad ~/.claude/a' }] }`
/** Every pause is over when the next run begins. */
const AT_ONCE = `retry: { after: ['1ms'] },`

async function reconcile(sandbox: Sandbox, code: number, command = 'reconcile'): Promise<string> {
  const ran = await sandbox.gitops([command])
  expect(ran.code, ran.said).toBe(code)
  return ran.said
}

async function begun(sandbox: Sandbox, more: string): Promise<void> {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, more))
  sandbox.commit({ '.claude/a': 'good' })
  await reconcile(sandbox, 0)
}

async function memory(sandbox: Sandbox): Promise<{ refuses: Refused | null; refused: readonly Refused[]; text: string }> {
  const { stdout } = await sandbox.gitops(['status', '--json'])
  const [source] = (JSON.parse(stdout) as { sources: { refuses: Refused | null; refused: readonly Refused[] }[] }).sources
  return { refuses: source?.refuses ?? null, refused: source?.refused ?? [], text: (await sandbox.gitops(['status'])).stdout }
}

const tries = (sandbox: Sandbox): number => sandbox.live('tried').trim().split('\n').length

test('a revision that fails its check is tried again after a pause, and held after the third time', async ({ sandbox }) => {
  await begun(sandbox, AT_ONCE + SMOKE)
  const bad = sandbox.commit({ '.claude/a': 'bad' })
  expect(await reconcile(sandbox, 6)).toContain('has failed 1 of 3 times and is tried again later')
  expect((await memory(sandbox)).refuses).toMatchObject({ commit: bad, attempts: 1, held: false, class: 'health' })
  expect(await reconcile(sandbox, 6)).toContain('has failed 2 of 3 times')
  expect(await reconcile(sandbox, 6)).toContain('this revision is held until')
  const tried = tries(sandbox)
  expect(await reconcile(sandbox, 5)).toContain('this revision was rolled back and is held (check "good" failed')
  expect(tries(sandbox)).toBe(tried)
  const { refuses, text } = await memory(sandbox)
  expect(refuses).toMatchObject({ attempts: 3, held: true, next: null })
  expect(text).toMatch(/conditions +Ready=False RolledBack since .* ago; Stalled=True RetriesExceeded since/)
  expect(text).toMatch(new RegExp(`held +${bad.slice(0, 7)} since .* ago, failed 3 times, last .* ago: check "good" failed`))
})

test('before the pause is over the revision is left alone, drift is healed, and `gitops retry` does not wait', async ({ sandbox }) => {
  await begun(sandbox, SMOKE)
  sandbox.commit({ '.claude/a': 'bad' })
  await reconcile(sandbox, 6)
  const tried = tries(sandbox)
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  const waits = await sandbox.gitops(['reconcile', '--json'])
  expect(JSON.parse(waits.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    exitCode: 5,
    reason: 'BackingOff',
    message: expect.stringMatching(/is tried again in \d+s \(check "good" failed.*Drift was healed/) as string,
  })
  expect(sandbox.live('.claude/a')).toBe('good')
  expect((await memory(sandbox)).text).toMatch(/backing off +[^]*tried again after 20/)
  // Healing has its check too; the revision was not tried.
  expect(tries(sandbox)).toBe(tried + 1)
  expect(await reconcile(sandbox, 6, 'retry')).toContain('has failed 2 of 3 times')
  expect((await memory(sandbox)).refuses).toMatchObject({ attempts: 2, held: false })
})

test('content that failed is not tried again when a later commit brings it back', async ({ sandbox }) => {
  await begun(sandbox, `retry: { attempts: 1 }, ${SMOKE}`)
  sandbox.commit({ '.claude/a': 'bad' })
  await reconcile(sandbox, 6)
  sandbox.commit({ '.claude/a': 'good again' })
  await reconcile(sandbox, 0)
  const tried = tries(sandbox)
  sandbox.commit({ '.claude/a': 'bad', 'README.md': 'a revert of the revert' })
  expect(await reconcile(sandbox, 5)).toContain('is held')
  expect(tries(sandbox)).toBe(tried)
  expect(sandbox.live('.claude/a')).toBe('good again')
})

test('a retry that fails again leaves the revision held, and one whose source does not answer forgets nothing', async ({ sandbox }) => {
  await begun(sandbox, `retry: { attempts: 1 }, ${SMOKE}`)
  sandbox.commit({ '.claude/a': 'bad' })
  await reconcile(sandbox, 6)
  await reconcile(sandbox, 6, 'retry')
  expect((await memory(sandbox)).refuses).toMatchObject({ attempts: 2, held: true })
  await reconcile(sandbox, 5)
  sandbox.git(sandbox.remote, 'branch', '-m', 'main', 'away')
  await reconcile(sandbox, 1, 'retry')
  sandbox.git(sandbox.remote, 'branch', '-m', 'away', 'main')
  await reconcile(sandbox, 5)
  // Mended outside of Git: now it goes well, and is forgotten.
  sandbox.write(sandbox.home, { '.claude/x': '' })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `retry: { attempts: 1 }, checks: { smoke: [{ name: 'good', run: 'true' }] }`))
  await reconcile(sandbox, 0)
  expect((await memory(sandbox)).refuses).toBeNull()
})

test('a failing check that also fails without the revision is remembered against nobody, and alerts once whatever comes', async ({
  sandbox,
}) => {
  await begun(sandbox, `notify: [{ run: 'cat >> ~/alerts' }], checks: { smoke: [{ name: 'up', run: '! test -e ~/down' }] }`)
  sandbox.write(sandbox.home, { down: '' })
  for (const text of ['two', 'three']) {
    sandbox.commit({ '.claude/a': text })
    await reconcile(sandbox, 6)
  }
  expect((await memory(sandbox)).refused).toEqual([])
  expect(readFileSync(join(sandbox.home, 'alerts'), 'utf8').trim().split('\n')).toHaveLength(1)
  rmSync(join(sandbox.home, 'down'))
  await reconcile(sandbox, 0)
})

test('a revision whose rollback did not succeed is not tried again by itself', async ({ sandbox }) => {
  await begun(sandbox, `${SMOKE}, tasks: { before: [{ name: 'pause', run: 'true', undo: 'exit 1' }] }`)
  sandbox.commit({ '.claude/a': 'bad' })
  await reconcile(sandbox, 4)
  expect(sandbox.live('.claude/a')).toBe('good')
  expect((await memory(sandbox)).refuses).toMatchObject({ held: true })
  await reconcile(sandbox, 5)
})

/** Starts a reconcile and kills it once its check has begun. */
async function killedInCheck(sandbox: Sandbox): Promise<void> {
  const run = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'begun'))) await sleep(20)
  run.kill('SIGKILL')
  await new Promise((done) => run.on('exit', done))
  rmSync(join(sandbox.home, 'begun'))
}

for (const [when, checks] of [
  ['while they apply', `smoke: [{ name: 'slow', run: 'grep -q good ~/.claude/a || { touch ~/begun; sleep 30; }' }]`],
  ['before they write', `validate: [{ name: 'slow', run: 'grep -q good $GITOPS_STAGE/claude/a || { touch ~/begun; sleep 30; }' }]`],
] as const)
  test(`three runs in a row that are killed ${when} the same revision count as one failure`, async ({ sandbox }) => {
    await begun(sandbox, `checks: { ${checks} }`)
    const bad = sandbox.commit({ '.claude/a': 'hangs' })
    for (let round = 0; round < 3; round += 1) {
      expect((await memory(sandbox)).refused).toEqual([])
      await killedInCheck(sandbox)
    }
    expect(await reconcile(sandbox, 5)).toContain('3 runs in a row were killed while they applied it')
    expect(sandbox.live('.claude/a')).toBe('good')
    expect((await memory(sandbox)).refuses).toMatchObject({ commit: bad, attempts: 1, class: 'killed', held: false })
    expect(existsSync(join(sandbox.home, 'begun'))).toBe(false)
  })

test('a revision is not blamed for runs that were killed while they put drift back', async ({ sandbox }) => {
  await begun(sandbox, `checks: { smoke: [{ name: 'slow', run: '! test -e ~/slow || { touch ~/begun; sleep 30; }' }] }`)
  sandbox.write(sandbox.home, { slow: '' })
  for (let round = 0; round < 3; round += 1) {
    sandbox.write(sandbox.home, { '.claude/a': `drift ${round}` })
    await killedInCheck(sandbox)
  }
  rmSync(join(sandbox.home, 'slow'))
  await reconcile(sandbox, 0)
  expect(marks(sandbox)).toEqual([{ refused: [], killed: null, trying: null }])
})

/** What is remembered of runs that came to no end, a source each. */
function marks(sandbox: Sandbox): unknown[] {
  const text = readFileSync(join(sandbox.state, 'status.json'), 'utf8')
  const { sources } = JSON.parse(text) as { sources: Record<string, { refused: unknown; killed: unknown; trying: unknown }> }
  return Object.values(sources).map(({ refused, killed, trying }) => ({ refused, killed, trying }))
}

test('a revision that went live, or was refused, is not blamed when another source kills the run after that', async ({ sandbox }) => {
  const others = ['two', 'three'].map((name) => join(sandbox.root, `${name}.git`))
  for (const other of others) sandbox.git(sandbox.root, 'init', '-q', '--bare', '--initial-branch=main', other)
  const commit = (a: string, b: string, c: string): void => {
    sandbox.commit({ 'a/a': a, 'b/b': b, 'c/c': c })
    for (const other of others) sandbox.git(sandbox.work, 'push', '-qf', other, 'HEAD:main')
  }
  const repos = [sandbox.remote, ...others].map((repo) => JSON.stringify(repo))
  sandbox.config(`{
    name: 'story',
    sources: { one: { repo: ${repos[0]}, ref: 'main' }, two: { repo: ${repos[1]}, ref: 'main' }, three: { repo: ${repos[2]}, ref: 'main' } },
    targets: { a: { source: 'one', from: 'a', to: '~/a' }, b: { source: 'two', from: 'b', to: '~/b' }, c: { source: 'three', from: 'c', to: '~/c' } },
    checks: { validate: [
      { name: 'two', source: 'two', run: 'grep -q good $GITOPS_STAGE/b/b' },
      { name: 'three', source: 'three', run: 'grep -q good $GITOPS_STAGE/c/c || { touch ~/begun; sleep 30; }' },
    ] },
  }`)
  commit('1', 'good', 'good')
  await reconcile(sandbox, 0)
  for (let round = 0; round < 3; round += 1) {
    commit(`2 ${round}`, 'bad', 'hangs')
    await killedInCheck(sandbox)
    expect(sandbox.live('a/a')).toBe(`2 ${round}`)
  }
  await reconcile(sandbox, 5)
  const nothing = { refused: [], killed: null, trying: null }
  const killed = [expect.objectContaining({ class: 'killed' }) as unknown]
  expect(marks(sandbox)).toEqual([nothing, nothing, { ...nothing, refused: killed }])
})

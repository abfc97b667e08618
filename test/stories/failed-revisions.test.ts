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

test('three runs in a row that are killed while they apply the same revision count as one failure', async ({ sandbox }) => {
  await begun(sandbox, `checks: { smoke: [{ name: 'slow', run: 'grep -q good ~/.claude/a || { touch ~/begun; sleep 30; }' }] }`)
  const bad = sandbox.commit({ '.claude/a': 'hangs' })
  for (let round = 0; round < 3; round += 1) {
    expect((await memory(sandbox)).refused).toEqual([])
    const run = sandbox.start(['reconcile'])
    while (!existsSync(join(sandbox.home, 'begun'))) await sleep(20)
    run.kill('SIGKILL')
    await new Promise((done) => run.on('exit', done))
    rmSync(join(sandbox.home, 'begun'))
  }
  expect(await reconcile(sandbox, 5)).toContain('3 runs in a row were killed while they applied it')
  expect(sandbox.live('.claude/a')).toBe('good')
  expect((await memory(sandbox)).refuses).toMatchObject({ commit: bad, attempts: 1, class: 'killed', held: false })
  expect(existsSync(join(sandbox.home, 'begun'))).toBe(false)
})

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'
import { forget, member, sops, trust } from '../support/sops.ts'

const MORE = `secrets: { token: { from: 'token.json', to: '~/.token.json' } }, notify: [{ run: 'cat >> ~/alerts' }],`

const alerts = (sandbox: Sandbox): Record<string, unknown>[] =>
  existsSync(join(sandbox.home, 'alerts'))
    ? readFileSync(join(sandbox.home, 'alerts'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>)
    : []

test('a machine that lacks the identity for new content alerts once, stays quiet about the network, and tells when it is well again', async ({
  sandbox,
}) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({ '.claude/a.md': 'a', 'token.json': await sops(me, { token: 'one' }) })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, MORE))
  const reconcile = async (code: number): Promise<void> => {
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(code)
  }
  await reconcile(0)
  forget(sandbox)
  const tip = sandbox.commit({ 'token.json': await sops(me, { token: 'two' }) })
  await reconcile(1)
  await reconcile(1)
  expect(alerts(sandbox)).toEqual([
    expect.objectContaining({
      event: 'failed',
      reason: 'EnvironmentFailed',
      revision: tip,
      message: expect.stringContaining('no age identity'),
    }),
  ])
  // The same lack, whatever else comes.
  sandbox.commit({ 'token.json': await sops(me, { token: 'three' }) })
  await reconcile(1)
  sandbox.git(sandbox.remote, 'branch', '-m', 'main', 'away')
  await reconcile(1)
  sandbox.git(sandbox.remote, 'branch', '-m', 'away', 'main')
  expect(alerts(sandbox)).toHaveLength(1)
  trust(sandbox, me)
  await reconcile(0)
  await reconcile(0)
  expect(alerts(sandbox).map(({ event }) => event)).toEqual(['failed', 'recovered'])
})

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test } from '../support/sandbox.ts'

test('a check whose promise never settles, with nothing to wait for, is late and taken back', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'never', timeout: '1s', run: () => new Promise(() => {}) }] }`))
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code).toBe(6)
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
})

test('a config whose promise never settles is an error, not success', async ({ sandbox }) => {
  for (const text of ['export default () => new Promise(() => {})', 'await new Promise(() => {})\nexport default {}']) {
    sandbox.write(sandbox.site, { 'gitops.config.mjs': text })
    expect(await sandbox.gitops(['reconcile'])).toMatchObject({ code: 2, said: expect.stringContaining('never settles') as string })
  }
})

test('a timer that the config left running does not keep a run that has ended', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.write(sandbox.site, {
    'gitops.config.mjs': `setInterval(() => {}, 1000)\nexport default ${DEFAULT_CONFIG(sandbox.remote)}`,
  })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
})

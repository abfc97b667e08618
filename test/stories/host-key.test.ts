import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'
import { forget, member, sops, trust, type Member } from '../support/sops.ts'

const SECRETS = `secrets: {
  account: { from: '.claude/.claude.json.enc', to: '~/.claude.json', strategy: 'merge' },
  token: { from: 'secrets/token.json', to: '~/.token.json' },
}`
const key = (sandbox: Sandbox): string => join(sandbox.home, '.local/share/gitops/host.key')

async function applied(sandbox: Sandbox): Promise<Member> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.home, { '.claude.json': '{"theirs":1}' })
  sandbox.commit({
    '.claude/a.md': 'a',
    '.claude/.claude.json.enc': await sops(me, { apiKey: 'one' }),
    'secrets/token.json': await sops(me, { token: 'first' }),
  })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, SECRETS))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  return me
}

test('a host key that is lost is named as the cause, by status and by a reconcile without an identity, and looking makes no new one', async ({
  sandbox,
}) => {
  const me = await applied(sandbox)
  rmSync(key(sandbox))
  const status = await sandbox.gitops(['status', '--exit-code'])
  expect(status.code, status.said).toBe(3)
  expect(status.stdout).toContain(`the host key ${key(sandbox)} that knew account, token is gone`)
  expect(status.stdout).not.toContain('Behind')
  expect(existsSync(key(sandbox))).toBe(false)

  forget(sandbox)
  for (const time of ['before a new one is made', 'after that']) {
    // What is healed meanwhile makes nothing known of the secrets.
    sandbox.write(sandbox.home, { '.claude/a.md': `edited ${time}` })
    const failed = await sandbox.gitops(['reconcile'])
    expect(failed.code, failed.said).toBe(1)
    expect(failed.stdout).toContain('there is no age identity')
    expect(failed.stdout).toContain(`the host key ${key(sandbox)} that knew it is gone`)
  }
  expect((await sandbox.gitops(['status'])).stdout).toMatch(/problem .*no age identity.*the host key .* that knew it is gone/)
  trust(sandbox, me)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect((await sandbox.gitops(['status'])).stdout).toContain('No drift')
})

test('with the host key lost an edit of a secret is still called drift, for its ciphertext is the one that was applied', async ({
  sandbox,
}) => {
  await applied(sandbox)
  rmSync(key(sandbox))
  sandbox.write(sandbox.home, { '.claude.json': '{"theirs":1,"apiKey":"edited"}', '.token.json': '{"token":"edited"}' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  expect(ran.stdout).toContain(`.claude.json: /apiKey edited since it was applied; the values that it had will be kept`)
  expect(ran.stdout).toContain(`.token.json: edited since it was applied; a sealed copy will be kept`)
  expect(ran.stdout).not.toContain('there before us')
  expect(JSON.parse(sandbox.live('.claude.json'))).toEqual({ theirs: 1, apiKey: 'one' })
})

test('with the host key lost and a new ciphertext, what is replaced is not said to be from before us', async ({ sandbox }) => {
  const me = await applied(sandbox)
  rmSync(key(sandbox))
  sandbox.commit({ '.claude/.claude.json.enc': await sops(me, { apiKey: 'two' }) })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  expect(ran.stdout).toContain('.claude.json: replaced; what we wrote there cannot be told any more')
  expect(JSON.parse(sandbox.live('.claude.json'))).toEqual({ theirs: 1, apiKey: 'two' })
})

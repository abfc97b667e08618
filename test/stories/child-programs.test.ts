import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test } from '../support/sandbox.ts'
import { member, sops } from '../support/sops.ts'

const SECRET = `secrets: { token: { from: 'token.json.enc', to: '~/.token.json' } },`
/** Leaves a line for each time that it runs: what it is, and whether it sees the key. */
const TELL = (log: string, what: string): string => `echo "${what} [\${SOPS_AGE_KEY:-}]" >> '${log}'`

test('the private key in SOPS_AGE_KEY opens secrets, and neither Git nor what the config runs gets to see it', async ({ sandbox }) => {
  const me = await member()
  const log = join(sandbox.root, 'log')
  sandbox.write(sandbox.root, {
    'bin/git': { text: `#!/bin/sh\n${TELL(log, 'git')}\nPATH='${process.env['PATH']}' exec git "$@"\n`, mode: 0o755 },
  })
  const steps = ['check', 'task', 'function'].map((name) => JSON.stringify(TELL(log, name)))
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `${SECRET}
      checks: { smoke: [{ name: 'c', run: ${steps[0]} }, { name: 'f', run: ({ $ }) => $([${steps[2]}]) }] },
      tasks: { before: [{ name: 't', run: ${steps[1]} }] },`,
    ),
  )
  sandbox.commit({ '.claude/a.md': 'one', 'token.json.enc': await sops(me, { token: 's3cret' }) })
  const ran = await sandbox.gitops(['reconcile'], {
    env: { SOPS_AGE_KEY: me.identity, PATH: `${join(sandbox.root, 'bin')}:${process.env['PATH']}` },
  })
  expect(ran.code, ran.said).toBe(0)
  expect(sandbox.live('.token.json')).toContain('s3cret')
  expect(new Set(readFileSync(log, 'utf8').trim().split('\n'))).toEqual(new Set(['git []', 'task []', 'check []', 'function []']))
})

test('neither Git nor the command that gives a key is taken from the working directory, whatever PATH says', async ({ sandbox }) => {
  const me = await member()
  const script = { text: `#!/bin/sh\n: > '${join(sandbox.root, 'caught')}'\nexit 1\n`, mode: 0o755 }
  sandbox.write(sandbox.site, { git: script, keycmd: script, 'a.json': await sops(me, { token: 's3cret' }) })
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'one' })
  for (const first of ['.', '']) {
    const env = { PATH: `${first}:${process.env['PATH']}`, SOPS_AGE_KEY_CMD: 'keycmd' }
    const decrypted = await sandbox.gitops(['decrypt', 'a.json'], { env })
    expect([decrypted.code, decrypted.stderr]).toEqual([128, expect.stringContaining('SOPS_AGE_KEY_CMD failed: keycmd: ENOENT')])
    const ran = await sandbox.gitops(['reconcile'], { env })
    expect(ran.code, ran.said).toBe(0)
    expect(existsSync(join(sandbox.root, 'caught'))).toBe(false)
  }
  // Whoever writes the path means it.
  sandbox.write(sandbox.site, { keycmd: { text: `#!/bin/sh\necho '${me.identity}'\n`, mode: 0o755 } })
  expect((await sandbox.gitops(['decrypt', 'a.json'], { env: { SOPS_AGE_KEY_CMD: './keycmd' } })).stdout).toContain('s3cret')
})

import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'
import { forget, member, sops, trust, type Member } from '../support/sops.ts'

const TOKEN = '.config/app/token.txt'

/** One secret file of its own and one merged document, under a policy. */
async function applied(sandbox: Sandbox, onDrift: string): Promise<Member> {
  const me = await member()
  trust(sandbox, me)
  await wanted(sandbox, me, 'first')
  sandbox.write(sandbox.home, { '.claude.json': '{"theirs":1}' })
  sandbox.config(`{
    name: 'story',
    sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
    secrets: {
      token: { from: 'token.enc', to: '~/${TOKEN}', onDrift: '${onDrift}' },
      account: { from: 'account.json.enc', to: '~/.claude.json', strategy: 'merge', onDrift: '${onDrift}' },
    },
  }`)
  await reconcile(sandbox)
  return me
}

async function wanted(sandbox: Sandbox, me: Member, value: string): Promise<void> {
  sandbox.commit({
    'token.enc': await sops(me, `${value}-token\n`, { format: 'binary', input: 'binary' }),
    'account.json.enc': await sops(me, { key: `${value}-key`, other: 'o' }),
  })
}

async function reconcile(sandbox: Sandbox, code = 0, ...more: string[]): Promise<string> {
  const ran = await sandbox.gitops(['reconcile', ...more])
  expect(ran.code, ran.said).toBe(code)
  expect(ran.said).not.toMatch(/first-|second-|my-/)
  return ran.said
}
const key = (sandbox: Sandbox): unknown => (JSON.parse(sandbox.live('.claude.json')) as { key: unknown }).key
const edit = (sandbox: Sandbox): void =>
  sandbox.write(sandbox.home, { [TOKEN]: 'my-token\n', '.claude.json': '{"theirs":2,"key":"my-key","other":"o"}' })

test('a secret that somebody has edited stays under onDrift keep; what the source asks for is decrypted once and remembered', async ({
  sandbox,
}) => {
  const me = await applied(sandbox, 'keep')
  // What others may read is closed again, though.
  for (const path of [TOKEN, '.claude.json']) chmodSync(join(sandbox.home, path), 0o644)
  expect(await reconcile(sandbox)).toContain('2 updated; drift was healed')
  for (const path of [TOKEN, '.claude.json']) expect(statSync(join(sandbox.home, path)).mode & 0o777).toBe(0o600)
  edit(sandbox)
  expect(await reconcile(sandbox)).toContain('2 paths stay as somebody has left them')
  await wanted(sandbox, me, 'second')
  expect(await reconcile(sandbox)).toContain('the source has another one by now')
  expect([sandbox.live(TOKEN), key(sandbox)]).toEqual(['my-token\n', 'my-key'])
  // No identity is needed any more: not to let it stay, not to put the newest one in its place.
  forget(sandbox)
  expect(await reconcile(sandbox)).toContain('In sync')
  const status = await sandbox.gitops(['status', '--json', '--exit-code'])
  const [source] = (JSON.parse(status.stdout) as { sources: { ready: boolean; drift: object[] }[] }).sources
  expect([status.code, source?.ready]).toEqual([0, true])
  expect(source?.drift).toMatchObject([
    { path: join(sandbox.home, TOKEN), kind: 'edited', answer: 'keep', source: 'changed' },
    { path: join(sandbox.home, '.claude.json'), kind: 'edited', answer: 'keep', source: 'changed' },
  ])
  expect(await reconcile(sandbox, 0, '--heal')).toContain('2 updated')
  expect([sandbox.live(TOKEN), key(sandbox)]).toEqual(['second-token\n', 'second-key'])
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
})

test('a secret that somebody has edited is refused under onDrift refuse, and --heal keeps a sealed copy of it', async ({ sandbox }) => {
  await applied(sandbox, 'refuse')
  edit(sandbox)
  const refused = await reconcile(sandbox, 5)
  expect(refused).toContain(`${join(sandbox.home, TOKEN)} was edited since it was applied, and its onDrift is 'refuse'`)
  expect(refused).toContain(`${join(sandbox.home, '.claude.json')} was edited since it was applied, and its onDrift is 'refuse'`)
  expect([sandbox.live(TOKEN), key(sandbox)]).toEqual(['my-token\n', 'my-key'])
  const [, copy = ''] = /`gitops kept (\w+)` prints it/.exec(await reconcile(sandbox, 0, '--heal')) ?? []
  expect((await sandbox.gitops(['kept', copy])).stdout).toBe('my-token\n')
  expect([sandbox.live(TOKEN), key(sandbox)]).toEqual(['first-token\n', 'first-key'])
  expect(existsSync(join(sandbox.state, 'kept'))).toBe(false)
})

const readConfig = (sandbox: Sandbox): string =>
  /defineConfig\(([\s\S]*)\)/.exec(readFileSync(join(sandbox.site, 'gitops.config.ts'), 'utf8'))?.[1] ?? ''

const modes = (sandbox: Sandbox): string[] =>
  [TOKEN, '.claude.json'].map((path) => (statSync(join(sandbox.home, path)).mode & 0o777).toString(8))

test('a secret that was edited and opened to others is closed under every policy, and whoever edited it keeps the edit', async ({
  sandbox,
}) => {
  for (const [policy, code] of [
    ['keep', 0],
    ['refuse', 5],
  ] as const) {
    if (policy === 'keep') await applied(sandbox, policy)
    else sandbox.config(readConfig(sandbox).replaceAll("'keep'", "'refuse'"))
    edit(sandbox)
    for (const path of [TOKEN, '.claude.json']) chmodSync(join(sandbox.home, path), 0o644)
    const said = (await sandbox.gitops(['diff'])).stdout
    expect(said, policy).toContain('mode 644 becomes 600')
    expect(said, policy).toContain('closed to others')
    expect((await sandbox.gitops(['status'])).stdout, policy).toMatch(/token\.txt {2}opened to others/)
    expect(modes(sandbox)).toEqual(['644', '644'])
    expect(await reconcile(sandbox, code), policy).toContain('open to others since it was applied, and closed again')
    expect(modes(sandbox), policy).toEqual(['600', '600'])
    expect([sandbox.live(TOKEN), key(sandbox)], policy).toEqual(['my-token\n', 'my-key'])
    // What was closed is no less edited.
    expect(await reconcile(sandbox, code), policy).not.toContain('closed again')
    expect((await sandbox.gitops(['status'])).stdout, policy).toMatch(/token\.txt {2}edited/)
  }
  await reconcile(sandbox, 0, '--heal')
  expect([sandbox.live(TOKEN), key(sandbox)]).toEqual(['first-token\n', 'first-key'])
})

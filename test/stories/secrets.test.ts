import { chmodSync, existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Ran, type Sandbox } from '../support/sandbox.ts'
import { forget, member, sops, trust, type Member } from '../support/sops.ts'

const ACCOUNT = `account: { source: 'team', from: '.claude/.claude.json.enc', to: '~/.claude.json', strategy: 'merge' }`
const TOKEN = `token: { source: 'team', from: 'secrets/token.json', to: '~/.config/app/token.json' }`

/** The default target, and some secrets. */
const withSecrets = (sandbox: Sandbox, secrets: string, more = ''): void =>
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `secrets: { ${secrets} }, ${more}`))

async function newcomer(sandbox: Sandbox): Promise<Member> {
  const me = await member()
  trust(sandbox, me)
  return me
}

/** Runs a reconcile and returns what it said, after it has ended as it should. */
async function reconcile(sandbox: Sandbox, code = 0): Promise<string> {
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(code)
  return ran.said
}

const modeOf = (path: string): string => (lstatSync(path).mode & 0o777).toString(8)
const json = (sandbox: Sandbox, path = '.claude.json'): unknown => JSON.parse(sandbox.live(path))
const inodeAndTime = (path: string): readonly bigint[] => {
  const { ino, mtimeNs } = statSync(path, { bigint: true })
  return [ino, mtimeNs]
}

/** What an application keeps in its document: who is logged in, what was opened, how often it ran. */
const THEIRS = {
  numStartups: 41,
  oauthAccount: { emailAddress: 'me@example.org', accountUuid: 'a-b-c' },
  projects: { '/home/me/x': { allowedTools: ['Bash'], history: [{ display: 'hello' }] }, '/home/me/y': {} },
  tipsHistory: { 'new-user': 3 },
  'odd/key~with.dots': null,
}
const OURS = { mcpServers: { search: { type: 'http', headers: { Authorization: 'Bearer secret-one' } } }, apiKey: 'key-number-one' }

/** A document of an application into which our keys are merged, and a file that is all ours, both live. */
async function applied(sandbox: Sandbox): Promise<Member> {
  const me = await newcomer(sandbox)
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify(THEIRS) })
  sandbox.commit({
    '.claude/a.md': 'a',
    '.claude/.claude.json.enc': await sops(me, OURS),
    'secrets/token.json': await sops(me, { token: 'first-token' }),
  })
  withSecrets(sandbox, `${ACCOUNT}, ${TOKEN}`)
  await reconcile(sandbox)
  return me
}

/** The file that is all ours, live. */
async function tokenApplied(sandbox: Sandbox): Promise<Member> {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(me, { token: 'first-token' }) })
  withSecrets(sandbox, TOKEN)
  await reconcile(sandbox)
  return me
}

test('a secret file is decrypted into its place, private from its first byte, and a second run has nothing to do', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(me, { token: 'first-token' }) })
  withSecrets(sandbox, TOKEN)

  expect(await reconcile(sandbox)).toContain('2 created')
  const live = join(sandbox.home, '.config/app/token.json')
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(modeOf(live)).toBe('600')

  const before = inodeAndTime(live)
  expect(await reconcile(sandbox)).toContain('In sync')
  expect(inodeAndTime(live)).toEqual(before)

  sandbox.commit({ 'secrets/token.json': await sops(me, { token: 'second-token' }) })
  expect(await reconcile(sandbox)).toContain('1 updated')
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'second-token' })
  expect(modeOf(live)).toBe('600')
})

test('both envelopes of a .enc file, JSON and YAML are put in place as what they hold', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const yaml = '# kept\nuser: me\npassword: open sesame\n'
  sandbox.commit({
    '.claude/a.md': 'a',
    's/keyed.json.enc': await sops(me, { a: 'keyed-value' }),
    's/whole.json.enc': await sops(me, '{ "a":   "whole-value" }', { format: 'binary' }),
    's/plain.yaml': await sops(me, yaml, { format: 'yaml' }),
    's/bytes.enc': await sops(me, 'any text\nat all', { format: 'binary' }),
  })
  withSecrets(
    sandbox,
    ['keyed.json.enc', 'whole.json.enc', 'plain.yaml', 'bytes.enc']
      .map((file) => `'${file}': { from: 's/${file}', to: '~/.app/${file.replace('.enc', '')}' }`)
      .join(', '),
  )
  await reconcile(sandbox)
  expect(json(sandbox, '.app/keyed.json')).toEqual({ a: 'keyed-value' })
  expect(sandbox.live('.app/whole.json')).toBe('{ "a":   "whole-value" }')
  expect(sandbox.live('.app/plain.yaml')).toBe(yaml)
  expect(sandbox.live('.app/bytes')).toBe('any text\nat all')
  for (const file of ['keyed.json', 'whole.json', 'plain.yaml', 'bytes']) expect(modeOf(join(sandbox.home, '.app', file))).toBe('600')
  expect(await reconcile(sandbox)).toContain('In sync')
})

test('merging into a live document keeps every key of the application, through drift, rollbacks and removal', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const live = join(sandbox.home, '.claude.json')
  sandbox.write(sandbox.home, { '.claude.json': { text: JSON.stringify(THEIRS, null, 4), mode: 0o600 } })
  sandbox.commit({ '.claude/settings.json': '{"good":true}', '.claude/.claude.json.enc': await sops(me, OURS) })
  const smoke = `checks: { smoke: [{ name: 'good', run: 'grep -q good ~/.claude/settings.json' }] },`
  withSecrets(sandbox, ACCOUNT, smoke)
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })

  // The application counts on, and one of our keys is edited.
  const busy = { ...THEIRS, numStartups: 42, newlyLearnt: ['x'] }
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify({ ...busy, ...OURS, apiKey: 'edited by hand' }) })
  expect(await reconcile(sandbox)).toContain('drift was healed')
  expect(json(sandbox)).toEqual({ ...busy, ...OURS })

  // Rolled back by a smoke check.
  sandbox.commit({
    '.claude/settings.json': '{"bad":true}',
    '.claude/.claude.json.enc': await sops(me, { apiKey: 'key-number-two', fresh: { deep: 'value-two' } }),
  })
  await reconcile(sandbox, 6)
  expect(json(sandbox)).toEqual({ ...busy, ...OURS })

  // Applied, then rolled back by hand, with the application at work in between.
  sandbox.commit({ '.claude/settings.json': '{"good":2}' })
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...busy, apiKey: 'key-number-two', fresh: { deep: 'value-two' } })
  const busier = { ...busy, numStartups: 43 }
  sandbox.write(sandbox.home, {
    '.claude.json': JSON.stringify({ ...busier, apiKey: 'key-number-two', fresh: { deep: 'value-two', theirs: 1 } }),
  })
  const back = await sandbox.gitops(['rollback'])
  expect(back.code, back.said).toBe(0)
  expect(json(sandbox)).toEqual({ ...busier, ...OURS, fresh: { theirs: 1 } })

  // Out of the config: our keys go, theirs stay.
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, smoke))
  await sandbox.gitops(['retry'])
  sandbox.commit({ '.claude/.claude.json.enc': null })
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...busier, fresh: { theirs: 1 } })
  expect(modeOf(live)).toBe('600')
})

/** What the person had under keys that the source sets too. */
const MINE = {
  ...THEIRS,
  apiKey: 'a key of my own',
  big: 1,
  mcpServers: { search: 'my own search', mine: { type: 'stdio' } },
  empty: {},
  list: [1, 2],
}
const SETS = {
  apiKey: 'key-number-one',
  mcpServers: { search: { type: 'http' }, fresh: { token: 'fresh-token' } },
  empty: { inner: 'value-inner' },
  list: { was: 'a list' },
}
const MERGED = { ...MINE, ...SETS, mcpServers: { mine: { type: 'stdio' }, ...SETS.mcpServers } }

/** Our keys, live, over those of a person. */
async function mergedOverMine(sandbox: Sandbox): Promise<Member> {
  const me = await newcomer(sandbox)
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify(MINE) })
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, SETS) })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  return me
}

test('what our keys replaced comes back, as it was written, when they leave the source or the secret leaves the config', async ({
  sandbox,
}) => {
  const me = await newcomer(sandbox)
  const mine = JSON.stringify(MINE, null, 2).replace('"big": 1', '"big": 12345678901234567890.10')
  const file = '.claude/.claude.json.enc'
  sandbox.write(sandbox.home, { '.claude.json': { text: mine, mode: 0o600 } })
  sandbox.commit({ '.claude/a.md': 'a', [file]: await sops(me, { ...SETS, big: 2 }) })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...MERGED, big: 2 })

  // Drift is healed in between, and new values come: neither is what was there before us.
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify({ ...MERGED, big: 2, apiKey: 'drifted', list: 3 }, null, 2) })
  await reconcile(sandbox)
  sandbox.commit({ [file]: await sops(me, { ...SETS, apiKey: 'key-number-two', big: 3 }) })
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...MERGED, apiKey: 'key-number-two', big: 3 })

  // One key leaves the source.
  sandbox.commit({ [file]: await sops(me, SETS) })
  await reconcile(sandbox)
  expect(sandbox.live('.claude.json')).toContain('"big": 12345678901234567890.10')
  expect(json(sandbox)).toMatchObject(SETS)
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(json(sandbox)).toEqual({ ...MERGED, apiKey: 'key-number-two', big: 3 })
  await sandbox.gitops(['retry'])
  await reconcile(sandbox)

  // The secret leaves the config; one of our keys has become the person's meanwhile.
  const now = JSON.parse(sandbox.live('.claude.json')) as object
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify({ ...now, list: 'taken' }) })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace("to: '~/.claude'", "to: '~/.claude', exclude: ['*.enc']"))
  forget(sandbox)
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...MINE, big: Number('12345678901234567890.10'), list: 'taken' })
  expect(await reconcile(sandbox)).toContain('In sync')
  for (const [path, entry] of Object.entries(sandbox.tree(join(sandbox.home, '.local'))))
    expect(entry, path).not.toContain('a key of my own')
})

test('a run that is rolled back, or killed, neither loses nor repeats what our keys replaced', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const smoke = `checks: { smoke: [{ name: 'good', run: 'grep -q good ~/.claude/settings.json' }] },`
  const file = '.claude/.claude.json.enc'
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify(MINE) })
  sandbox.commit({ '.claude/settings.json': '{"bad":1}', [file]: await sops(me, SETS) })
  withSecrets(sandbox, ACCOUNT, smoke)
  await reconcile(sandbox, 6)
  expect(json(sandbox)).toEqual(MINE)
  sandbox.commit({ '.claude/settings.json': '{"good":1}' })
  await reconcile(sandbox)
  // A revision that gives the keys back is itself rolled back.
  sandbox.commit({ '.claude/settings.json': '{"bad":1}', [file]: await sops(me, { other: 'value' }) })
  await reconcile(sandbox, 6)
  expect(json(sandbox)).toEqual(MERGED)
  sandbox.commit({ '.claude/settings.json': '{"good":2}' })
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...MINE, other: 'value' })
})

test('with the host key lost what our keys replaced does not come back: they are taken out, and that is said', async ({ sandbox }) => {
  const me = await mergedOverMine(sandbox)
  rmSync(join(sandbox.home, '.local/share/gitops/host.key'))
  expect(await reconcile(sandbox)).toContain('what stood under our keys before us will not come back')
  expect(json(sandbox)).toEqual(MERGED)
  expect(await reconcile(sandbox)).not.toContain('will not come back')
  sandbox.commit({ '.claude/.claude.json.enc': await sops(me, { other: 'value' }) })
  await reconcile(sandbox)
  const { apiKey: _, empty: __, list: ___, ...rest } = MINE
  expect(json(sandbox)).toEqual({ ...rest, mcpServers: { mine: { type: 'stdio' } }, other: 'value' })
})

test('an inventory of the version before, without what our keys replaced, still counts', async ({ sandbox }) => {
  const me = await mergedOverMine(sandbox)
  const path = join(sandbox.state, 'inventory.json')
  const text = readFileSync(path, 'utf8')
  const old = text.replace(/^\{"format":\d+,"sum":"[^"]*"/, '{"format":1').replace(/,"prior":"[^"]*"/, '')
  expect(old).toMatch(/^\{"format":1,(?!.*prior)/)
  sandbox.write(sandbox.state, { 'inventory.json': old })
  expect(await reconcile(sandbox)).toContain('In sync')
  sandbox.commit({ '.claude/.claude.json.enc': await sops(me, { other: 'value' }) })
  await reconcile(sandbox)
  const { apiKey: _, empty: __, list: ___, ...rest } = MINE
  expect(json(sandbox)).toEqual({ ...rest, mcpServers: { mine: { type: 'stdio' } }, other: 'value' })
})

test('a file that is there and differs is not replaced unasked, and what asks for it keeps a sealed copy', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const mine = '{"login":"a person was logged in here"}\n'
  sandbox.write(sandbox.home, { '.config/app/token.json': mine })
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(me, { token: 'first-token' }) })
  withSecrets(sandbox, TOKEN)
  const said = await reconcile(sandbox, 5)
  expect(said).toContain(`set secrets.token.strategy to 'merge'`)
  expect(said).toContain(`set secrets.token.adopt to 'replace'`)
  expect(sandbox.live('.config/app/token.json')).toBe(mine)
  expect(existsSync(join(sandbox.home, '.claude/a.md'))).toBe(false)

  withSecrets(sandbox, TOKEN.replace(' }', `, adopt: 'replace' }`))
  await reconcile(sandbox)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  for (const [path, entry] of Object.entries(sandbox.tree(join(sandbox.home, '.local'))))
    expect(entry, path).not.toContain('a person was logged in here')

  // Out of the config: what was there before us comes back.
  sandbox.config()
  await reconcile(sandbox)
  expect(sandbox.live('.config/app/token.json')).toBe(mine)
})

/** The copies that a run said it has kept, each opened as it said. */
async function openedCopies(sandbox: Sandbox, said: string): Promise<string[]> {
  const names = [...said.matchAll(/`gitops kept ([0-9a-f]+)`/g)].map(([, name = '']) => name)
  return Promise.all(
    names.map(async (name) => {
      const ran = await sandbox.gitops(['kept', name])
      expect(ran.code, ran.said).toBe(0)
      return ran.stdout
    }),
  )
}

test('whatever of mine a secret replaces can be opened again by the name that the run says', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const mine = { 'secrets/account': await sops(me, OURS), 'secrets/token.json': await sops(me, { token: 'first-token' }) }
  sandbox.commit({ '.claude/a.md': 'a', ...mine })
  const secrets = `${ACCOUNT.replace('.claude/.claude.json.enc', 'secrets/account')}, ${TOKEN.replace(' }', `, adopt: 'replace' }`)}`
  withSecrets(sandbox, secrets)
  // At first contact.
  sandbox.write(sandbox.home, { '.claude.json': '{"apiKey":"mine at first"}', '.config/app/token.json': '{"mine":"at first"}' })
  const first = await reconcile(sandbox)
  expect((await openedCopies(sandbox, first)).toSorted()).toEqual(['{\n  "/apiKey": "mine at first"\n}\n', '{"mine":"at first"}'])

  // Drift, of an unchanged secret and of one that is new.
  for (const token of ['first-token', 'second-token']) {
    sandbox.commit({ 'secrets/token.json': await sops(me, { token }), 'secrets/account': await sops(me, { ...OURS, apiKey: token }) })
    await reconcile(sandbox)
    sandbox.write(sandbox.home, {
      '.claude.json': JSON.stringify({ ...THEIRS, ...OURS, apiKey: 'edited later' }),
      '.config/app/token.json': '{"token":"edited later"}',
    })
    if (token === 'second-token') sandbox.commit({ 'secrets/token.json': await sops(me, { token: 'third-token' }) })
    const said = await reconcile(sandbox)
    expect((await openedCopies(sandbox, said)).toSorted()).toEqual(['{\n  "/apiKey": "edited later"\n}\n', '{"token":"edited later"}'])
    expect(said).not.toContain('edited later')
  }

  // Into a private file, and with sentences for what is not there.
  const [name = ''] = /(?<=`gitops kept )[0-9a-f]+/.exec(first) ?? []
  expect((await sandbox.gitops(['kept', name, '-o', 'back.json'])).said).toBe('')
  expect(modeOf(join(sandbox.site, 'back.json'))).toBe('600')
  expect((await sandbox.gitops(['kept', 'ffffffff'])).said).toContain('no kept copy is called "ffffffff"')
  const key = join(sandbox.home, '.local/share/gitops/host.key')
  rmSync(key)
  const lost = await sandbox.gitops(['kept', name])
  expect([lost.code, lost.said]).toEqual([1, expect.stringContaining('host.key is gone')])
  expect(existsSync(key)).toBe(false)
})

test('a file that equals the secret is taken over in silence, and made private', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(me, 'the very same', { format: 'binary' }) })
  withSecrets(sandbox, TOKEN.replace("token.json' }", "token.txt' }"))
  sandbox.write(sandbox.home, { '.config/app/token.txt': { text: 'the very same', mode: 0o644 } })
  await reconcile(sandbox)
  expect(sandbox.live('.config/app/token.txt')).toBe('the very same')
  expect(modeOf(join(sandbox.home, '.config/app/token.txt'))).toBe('600')
})

test('a co-owned document that others could read is made private, also when its keys are ours already', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const live = join(sandbox.home, '.claude.json')
  sandbox.write(sandbox.home, { '.claude.json': { text: JSON.stringify({ ...THEIRS, ...OURS }), mode: 0o644 } })
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, OURS) })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  expect(modeOf(live)).toBe('600')
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })

  chmodSync(live, 0o664)
  await reconcile(sandbox)
  expect(modeOf(live)).toBe('600')
  expect(await reconcile(sandbox)).toContain('In sync')

  // With other content too.
  sandbox.write(sandbox.home, { '.claude.json': { text: JSON.stringify(THEIRS), mode: 0o644 } })
  await reconcile(sandbox)
  expect(modeOf(live)).toBe('600')
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })
})

test('a document that held a secret of ours is as open as it was once that has left it, however it leaves', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const live = join(sandbox.home, '.app.json')
  sandbox.commit({ 's/token': await sops(me, { token: 'the token' }), 'd/a': '1' })
  sandbox.write(sandbox.home, { '.app.json': '{"mine":1}' })
  chmodSync(live, 0o644)
  const config = (more: string): void =>
    sandbox.config(
      `{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } }, targets: { d: { from: 'd', to: '~/d' } }, ${more} }`,
    )
  const secret = `secrets: { token: { from: 's/token', to: '~/.app.json', strategy: 'merge' } },`
  const asFound = (): void => expect([sandbox.live('.app.json'), statSync(live).mode & 0o777]).toEqual(['{"mine":1}', 0o644])

  config(`${secret} checks: { smoke: [{ name: 'bad', run: 'false' }] }`)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  asFound()
  for (const leaves of [['rollback'], ['rollback', '--to', 'original'], ['reconcile'], ['uninstall', '--yes']]) {
    config(secret)
    expect((await sandbox.gitops(['retry'])).code).toBe(0)
    expect(statSync(live).mode & 0o777).toBe(0o600)
    if (leaves[0] === 'reconcile') config('')
    const ran = await sandbox.gitops(leaves)
    expect(ran.code, `${leaves.join(' ')}: ${ran.said}`).toBe(0)
    asFound()
  }
})

test('numbers too large for JavaScript, duplicate keys and lists at the top of a live document are not damaged', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const theirs = '{"id": 12345678901234567890, "twice": 1, "x": 1.10, "twice": 2}'
  sandbox.write(sandbox.home, { '.claude.json': { text: theirs, mode: 0o600 } })
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, { apiKey: 'key-number-one' }) })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  for (const kept of ['"id": 12345678901234567890', '"twice": 1', '"x": 1.10', '"twice": 2'])
    expect(sandbox.live('.claude.json')).toContain(kept)
  expect(json(sandbox)).toMatchObject({ apiKey: 'key-number-one' })

  sandbox.write(sandbox.home, { '.claude.json': '[1, 2]' })
  expect(await reconcile(sandbox, 5)).toContain('cannot be merged: it is JSON without keys at its top')
  expect(sandbox.live('.claude.json')).toBe('[1, 2]')

  sandbox.write(sandbox.home, { '.claude.json': theirs })
  sandbox.commit({ '.claude/.claude.json.enc': await sops(me, '["a list of secrets"]', { format: 'binary' }) })
  expect(await reconcile(sandbox, 5)).toContain('cannot be merged: the secret is JSON without keys at its top')
  // Our key was gone: drift is healed to what was applied last.
  expect(sandbox.live('.claude.json')).toBe(`${theirs.slice(0, -1)}, "apiKey": "key-number-one"}`)
})

test('numbers of the source are written digit by digit', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const theirs = '{\n  "id": 12345678901234567890\n}\n'
  sandbox.write(sandbox.home, { '.claude.json': { text: theirs, mode: 0o600 } })
  const ours = '{"big": 98765432109876543210, "one": 1.0, "in": {"list": [0.10, 1e3]}}'
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, ours, { format: 'binary' }) })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  for (const number of ['12345678901234567890', '"big": 98765432109876543210', '"one": 1.0', '0.10', '1e3'])
    expect(sandbox.live('.claude.json')).toContain(number)
  expect(await reconcile(sandbox)).toContain('In sync')

  // One digit of it changed is drift.
  sandbox.write(sandbox.home, { '.claude.json': sandbox.live('.claude.json').replace('98765432109876543210', '98765432109876543211') })
  expect(await reconcile(sandbox)).toContain('drift was healed')
  expect(sandbox.live('.claude.json')).toContain('98765432109876543210')
})

test('a live document that has a key of ours twice is refused, and left as it is', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, { box: { apiKey: 'key-number-one' } }) })
  withSecrets(sandbox, ACCOUNT)
  for (const twice of ['{"box": {"apiKey": 1, "apiKey": 2}}', '{"box": {"apiKey": 1}, "x": 1, "box": {}}']) {
    sandbox.write(sandbox.home, { '.claude.json': { text: twice, mode: 0o600 } })
    expect(await reconcile(sandbox, 5)).toMatch(/\.claude\.json:1:\d+ has the key "(?:box|apiKey)" twice; take one of the two out/)
    expect(sandbox.live('.claude.json')).toBe(twice)
  }
  // It came after us: what was there before does not come back over it, and nothing gets stuck.
  sandbox.write(sandbox.home, { '.claude.json': { text: '{"a":1}', mode: 0o600 } })
  await reconcile(sandbox)
  const twice = '{"a":1,"box":{"apiKey":"mine","apiKey":"key-number-one"}}'
  sandbox.write(sandbox.home, { '.claude.json': { text: twice, mode: 0o600 } })
  const back = await sandbox.gitops(['rollback'])
  expect(back.code, back.said).toBe(0)
  expect(back.said).toContain('left alone')
  expect(sandbox.live('.claude.json')).toBe(twice)
})

test('a live document that is a link is left alone, and the sentence says what to write instead', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.write(sandbox.home, { 'dotfiles/claude.json': JSON.stringify(THEIRS), '.claude.json': { link: 'dotfiles/claude.json' } })
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, OURS) })
  withSecrets(sandbox, ACCOUNT)
  const said = await reconcile(sandbox, 5)
  const [, to = ''] = /is a link, .* to: ("[^"]+"), and the link may stay/.exec(said) ?? []
  expect(JSON.parse(sandbox.live('dotfiles/claude.json'))).toEqual(THEIRS)
  withSecrets(sandbox, ACCOUNT.replace(`'~/.claude.json'`, to))
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })
  expect(lstatSync(join(sandbox.home, '.claude.json')).isSymbolicLink()).toBe(true)
  rmSync(join(sandbox.home, 'dotfiles'), { recursive: true })
  withSecrets(sandbox, ACCOUNT)
  expect(await reconcile(sandbox, 5)).toContain('is a link that leads nowhere; remove it')
})

test('a document on one line stays on one line', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const mine = '{"numStartups":41,"projects":{"/home/me/x":{"history":[]}}}'
  sandbox.write(sandbox.home, { '.claude.json': { text: mine, mode: 0o600 } })
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, OURS) })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...(JSON.parse(mine) as object), ...OURS })
  expect(sandbox.live('.claude.json')).not.toContain('\n')
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.live('.claude.json')).toBe(mine)
})

test('a key that leaves the source is removed only while it is still ours', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify(THEIRS) })
  const file = '.claude/.claude.json.enc'
  sandbox.commit({
    '.claude/a.md': 'a',
    [file]: await sops(me, { stays: 'value-s', goes: 'value-g', taken: 'value-t', box: { goes: 'x', taken: 'y' } }),
  })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  sandbox.write(sandbox.home, {
    '.claude.json': JSON.stringify({
      ...THEIRS,
      stays: 'value-s',
      goes: 'value-g',
      taken: 'mine now',
      box: { goes: 'x', taken: 'mine', own: 1 },
    }),
  })
  sandbox.commit({ [file]: await sops(me, { stays: 'value-s' }) })
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...THEIRS, stays: 'value-s', taken: 'mine now', box: { taken: 'mine', own: 1 } })
})

test('a directory that made room for a secret is back, as it was, when that secret leaves the config', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  mkdirSync(join(sandbox.home, '.app/token'), { recursive: true })
  chmodSync(join(sandbox.home, '.app/token'), 0o750)
  sandbox.commit({ '.claude/a': 'a', 's/token': await sops(me, 'token\n', { format: 'binary' }) })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `secrets: { token: { from: 's/token', to: '~/.app/token' } },`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.app/token')).toBe('token\n')
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(statSync(join(sandbox.home, '.app/token')).mode & 0o7777).toBe(0o750)
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.live('.app/token')).toBe('token\n')
})

test('with onRemove leave, a secret that leaves the config stays as it is', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify(THEIRS) })
  sandbox.commit({
    '.claude/a.md': 'a',
    '.claude/.claude.json.enc': await sops(me, OURS),
    'secrets/token.json': await sops(me, { token: 'first-token' }),
  })
  withSecrets(sandbox, [ACCOUNT, TOKEN].join(', ').replaceAll(' }', `, onRemove: 'leave' }`))
  await reconcile(sandbox)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, '').replace("to: '~/.claude'", "to: '~/.claude', exclude: ['*.enc']"))
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
})

test('a document whose keys equal ours by value is not written at all', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const live = join(sandbox.home, '.claude.json')
  // Other order, other layout.
  const text = `{ "apiKey":"key-number-one",\n\t"mcpServers":{"search":{"headers":{"Authorization":"Bearer secret-one"},"type":"http"}}, "n": 1 }`
  sandbox.write(sandbox.home, { '.claude.json': { text, mode: 0o600 } })
  const before = inodeAndTime(live)
  sandbox.commit({ '.claude/a.md': 'a', '.claude/.claude.json.enc': await sops(me, OURS) })
  withSecrets(sandbox, ACCOUNT)
  await reconcile(sandbox)
  expect(inodeAndTime(live)).toEqual(before)

  // The same secret, encrypted anew.
  sandbox.commit({ '.claude/.claude.json.enc': await sops(me, OURS) })
  await reconcile(sandbox)
  // The application has written; ours is still there.
  sandbox.write(sandbox.home, { '.claude.json': text.replace('"n": 1', '"n": 2') })
  const touched = inodeAndTime(live)
  expect(await reconcile(sandbox)).toContain('In sync')
  expect(inodeAndTime(live)).toEqual(touched)
})

test('each ciphertext is decrypted once: what gives the key is asked once for it, however many runs, heals and rollbacks follow', async ({
  sandbox,
}) => {
  const me = await member()
  const count = join(sandbox.root, 'asked')
  sandbox.write(sandbox.root, { 'give-key': { text: `#!/bin/sh\necho asked >> '${count}'\necho '${me.identity}'\n`, mode: 0o700 } })
  const gitops = async (code: number, ...args: string[]): Promise<void> => {
    const ran = await sandbox.gitops(args, { env: { SOPS_AGE_KEY_CMD: join(sandbox.root, 'give-key') } })
    expect(ran.code, ran.said).toBe(code)
  }
  const asked = (): number => readFileSync(count, 'utf8').trim().split('\n').length
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(me, { token: 'first-token' }) })
  withSecrets(sandbox, TOKEN)
  await gitops(0, 'reconcile')
  expect(asked()).toBe(1)
  await gitops(0, 'reconcile')
  sandbox.write(sandbox.home, { '.config/app/token.json': '{"token":"edited"}' })
  await gitops(3, 'diff')
  await gitops(0, 'reconcile')
  sandbox.commit({ '.claude/a.md': 'b' })
  await gitops(0, 'reconcile')
  expect(asked()).toBe(1)
  sandbox.commit({ 'secrets/token.json': await sops(me, { token: 'second-token' }) })
  await gitops(0, 'reconcile')
  expect(asked()).toBe(2)
  await gitops(0, 'rollback')
  await gitops(5, 'reconcile')
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(asked()).toBe(2)
})

test('ciphertext that has not changed is never decrypted again: no-op, healing and both rollbacks need no identity', async ({
  sandbox,
}) => {
  const me = await newcomer(sandbox)
  const smoke = `checks: { smoke: [{ name: 'good', run: 'grep -q good ~/.claude/settings.json' }] },`
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify(THEIRS) })
  sandbox.commit({
    '.claude/settings.json': '{"good":1}',
    '.claude/.claude.json.enc': await sops(me, OURS),
    'secrets/token.json': await sops(me, { token: 'first-token' }),
  })
  withSecrets(sandbox, `${ACCOUNT}, ${TOKEN}`, smoke)
  await reconcile(sandbox)
  forget(sandbox)

  expect(await reconcile(sandbox)).toContain('In sync')
  sandbox.write(sandbox.home, { '.config/app/token.json': '{"token":"edited"}', '.claude.json': JSON.stringify({ ...THEIRS, apiKey: 1 }) })
  expect(await reconcile(sandbox)).toContain('no ciphertext has changed')
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })

  rmSync(join(sandbox.home, '.config/app'), { recursive: true })
  rmSync(join(sandbox.home, '.claude.json'))
  expect(await reconcile(sandbox)).toContain('no ciphertext has changed')
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(json(sandbox)).toEqual(OURS)

  // Someone with the key brings new secrets; the ways back need it no more.
  trust(sandbox, me)
  sandbox.commit({
    '.claude/.claude.json.enc': await sops(me, { apiKey: 'key-number-two' }),
    'secrets/token.json': await sops(me, { token: 'second-token' }),
  })
  await reconcile(sandbox)
  forget(sandbox)
  sandbox.commit({ '.claude/settings.json': '{"bad":1}' })
  expect(await reconcile(sandbox, 6)).toContain('no ciphertext has changed')
  expect(json(sandbox)).toEqual({ apiKey: 'key-number-two' })
  const back = await sandbox.gitops(['rollback'])
  expect(back.code, back.said).toBe(0)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(json(sandbox)).toEqual(OURS)
})

test('several secrets share a directory, also one that lies in a target, and the ciphertext itself is never copied', async ({
  sandbox,
}) => {
  const me = await newcomer(sandbox)
  sandbox.commit({
    '.claude/settings.json': '{}',
    '.claude/one.enc': await sops(me, 'number one', { format: 'binary' }),
    '.claude/sub/two.enc': await sops(me, 'number two', { format: 'binary' }),
    '.claude/sub/rules.md': 'rules',
  })
  withSecrets(
    sandbox,
    `one: { from: '.claude/one.enc', to: '~/.claude/sub/one' }, two: { from: '.claude/sub/two.enc', to: '~/.claude/sub/two' }, again: { from: '.claude/one.enc', to: '~/.claude/again' }`,
  )
  await reconcile(sandbox)
  const expected = {
    'settings.json': '644 {}',
    'sub/': 'directory',
    'sub/rules.md': '644 rules',
    'sub/one': '600 number one',
    'sub/two': '600 number two',
    again: '600 number one',
  }
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(expected)
  expect(await reconcile(sandbox)).toContain('In sync')

  sandbox.commit({ '.claude/sub/rules.md': null })
  await reconcile(sandbox)
  const { 'sub/rules.md': _, ...without } = expected
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(without)
})

test('plaintext in the tree where a secret goes refuses the revision', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/token': 'in the clear', 's/token.enc': await sops(me, 'sealed', { format: 'binary' }) })
  withSecrets(sandbox, `token: { from: 's/token.enc', to: '~/.claude/token' }`)
  expect(await reconcile(sandbox, 5)).toContain('token')
  expect(existsSync(join(sandbox.home, '.claude/token'))).toBe(false)
})

test('an encrypted file in a target that nobody declared as a secret is refused, unless it is excluded', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', '.claude/other.json': await sops(me, OURS) })
  sandbox.config()
  expect(await reconcile(sandbox, 5)).toContain('other.json')
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace("to: '~/.claude'", "to: '~/.claude', exclude: ['other.json']"))
  await reconcile(sandbox)
  expect(Object.keys(sandbox.tree(join(sandbox.home, '.claude')))).toEqual(['a.md'])
})

test('a secret document that gained keys is reported and never wiped', async ({ sandbox }) => {
  const me = await tokenApplied(sandbox)
  const grown = '{"token":"first-token","session":"of the application"}'
  sandbox.write(sandbox.home, { '.config/app/token.json': grown })
  const said = await reconcile(sandbox, 5)
  expect(said).toContain('has gained 1 key that the source lacks')
  expect(said).not.toContain('of the application')
  expect(sandbox.live('.config/app/token.json')).toBe(grown)

  sandbox.commit({ 'secrets/token.json': await sops(me, { token: 'second-token' }) })
  await reconcile(sandbox, 5)
  expect(sandbox.live('.config/app/token.json')).toBe(grown)
})

test('with the host key lost everything but the old sealed copies works, after one more decryption', async ({ sandbox }) => {
  await applied(sandbox)
  const live = [join(sandbox.home, '.claude.json'), join(sandbox.home, '.config/app/token.json')]
  const before = live.map(inodeAndTime)
  rmSync(join(sandbox.home, '.local/share/gitops/host.key'))

  expect((await sandbox.gitops(['status'])).code).toBe(0)
  await reconcile(sandbox)
  expect(live.map(inodeAndTime)).toEqual(before)
  forget(sandbox)
  expect(await reconcile(sandbox)).toContain('In sync')
  sandbox.write(sandbox.home, {
    '.config/app/token.json': '{"token":"edited"}',
    '.claude.json': JSON.stringify({ ...THEIRS, ...OURS, apiKey: 1 }),
  })
  await reconcile(sandbox)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })
})

test('with the host key lost a new version of a secret still arrives, and keeps what it cannot tell', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  const path = '.config/app/token.json'
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(me, { token: 'first-token' }) })
  withSecrets(sandbox, TOKEN)
  await reconcile(sandbox)
  const renew = async (value: object): Promise<void> => {
    rmSync(join(sandbox.home, '.local/share/gitops/host.key'))
    sandbox.commit({ 'secrets/token.json': await sops(me, value) })
  }
  // Just written, so that no look at it counts yet: it could be somebody else's by now.
  await renew({ token: 'second-token' })
  expect(await openedCopies(sandbox, await reconcile(sandbox))).toEqual([expect.stringContaining('first-token')])
  expect(json(sandbox, path)).toEqual({ token: 'second-token' })

  // Known to be as we left it.
  await sleep(2100)
  await reconcile(sandbox)
  await renew({ fresh: 'third-token' })
  expect(await reconcile(sandbox)).not.toContain('gitops kept')
  expect(json(sandbox, path)).toEqual({ fresh: 'third-token' })

  // An application's keys, as far as anybody can tell.
  sandbox.write(sandbox.home, { [path]: '{"fresh":"third-token","login":"of the application"}' })
  await renew({ fresh: 'fourth-token' })
  const refused = await reconcile(sandbox, 5)
  expect(refused).toMatch(/holds 1 key that the source lacks, and the host key .*host\.key.* is gone.*move it away/)
  expect(refused).toContain(`strategy to 'merge'`)
  expect(json(sandbox, path)).toEqual({ fresh: 'third-token', login: 'of the application' })
  withSecrets(sandbox, TOKEN.replace(' }', `, adopt: 'replace' }`))
  expect(await openedCopies(sandbox, await reconcile(sandbox))).toEqual([expect.stringContaining('of the application')])
  expect(json(sandbox, path)).toEqual({ fresh: 'fourth-token' })
})

test('with the host key lost one secret can be put in place alone, the rest follows, and a failing check says what it says', async ({
  sandbox,
}) => {
  await applied(sandbox)
  rmSync(join(sandbox.home, '.local/share/gitops/host.key'))
  const put = await sandbox.gitops(['decrypt', 'token', '--write'])
  expect(put.code, put.said).toBe(0)
  await reconcile(sandbox)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })

  rmSync(join(sandbox.home, '.local/share/gitops/host.key'))
  withSecrets(sandbox, `${ACCOUNT}, ${TOKEN}`, `checks: { smoke: [{ name: 'bad', run: 'echo so it is; ! grep -q new ~/.claude/a.md' }] }`)
  sandbox.commit({ '.claude/a.md': 'new' })
  expect(await reconcile(sandbox, 6)).toContain('so it is')
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })
})

test('with the host key lost a secret that has left the config is left where it is, and nothing else is held up', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.write(sandbox.home, { '.claude.json': JSON.stringify(THEIRS) })
  sandbox.commit({ '.claude/a.md': 'a', 's/account': await sops(me, OURS), 'secrets/token.json': await sops(me, { token: 'first-token' }) })
  withSecrets(sandbox, `${ACCOUNT.replace('.claude/.claude.json.enc', 's/account')}, ${TOKEN}`)
  await reconcile(sandbox)
  rmSync(join(sandbox.home, '.local/share/gitops/host.key'))
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'b' })
  await reconcile(sandbox)
  expect(sandbox.live('.claude/a.md')).toBe('b')
  expect(json(sandbox)).toEqual({ ...THEIRS, ...OURS })
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(await reconcile(sandbox)).toContain('In sync')
})

test('a secret that moves, or changes its strategy, takes its keys along and leaves those of others', async ({ sandbox }) => {
  const me = await applied(sandbox)
  sandbox.write(sandbox.home, { '.config/app/token.json': '{"token":"first-token","session":1}' })
  withSecrets(sandbox, `${ACCOUNT.replace('~/.claude.json', '~/new/place.json')}, ${TOKEN.replace(' }', `, strategy: 'merge' }`)}`)
  await reconcile(sandbox)
  expect(json(sandbox)).toEqual(THEIRS)
  expect(json(sandbox, 'new/place.json')).toEqual(OURS)
  expect(modeOf(join(sandbox.home, 'new/place.json'))).toBe('600')
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token', session: 1 })
  sandbox.commit({ 'secrets/token.json': await sops(me, { other: 'value' }) })
  await reconcile(sandbox)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ other: 'value', session: 1 })
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token', session: 1 })
})

test('diff, status and a dry run of secrets change nothing on disk, and show no value', async ({ sandbox }) => {
  await applied(sandbox)
  sandbox.write(sandbox.home, {
    '.claude.json': JSON.stringify({ ...THEIRS, apiKey: 'edited-key' }),
    '.config/app/token.json': '{"token":"edited"}',
  })
  const before = sandbox.tree(sandbox.home)
  for (const args of [['diff'], ['status'], ['reconcile', '--dry-run'], ['reconcile', '--dry-run', '--json']]) {
    const ran = await sandbox.gitops(args)
    expect(ran.code, ran.said).toBe(args[0] === 'status' ? 0 : 3)
    expect(ran.said).not.toMatch(/first-token|edited-key|number-one|secret-one|me@example/)
    expect(sandbox.tree(sandbox.home), args.join(' ')).toEqual(before)
  }
})

test('what is still to be decrypted is counted by diff, status and a dry run', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(me, { token: 'first-token' }) })
  withSecrets(sandbox, TOKEN)
  for (const args of [['diff'], ['reconcile', '--dry-run']])
    expect((await sandbox.gitops(args)).said).toMatch(/Would apply: team \w+, 1 created; 1 secret to decrypt\.\n$/)
  expect((await sandbox.gitops(['status', '--fetch'])).said).toContain('claude: 1 created; token: to decrypt')
})

test('a secret that does not decrypt is told whole once in a run, and decrypt of its name says what puts it in place', async ({
  sandbox,
}) => {
  await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', 'secrets/token.json': await sops(await member(), { token: 'first-token' }) })
  withSecrets(sandbox, TOKEN)
  const said = await reconcile(sandbox, 1)
  expect(said.match(/cannot be decrypted: the only identity does not open it/g)).toHaveLength(2)
  expect(said.match(/Recipients of the file/g)).toHaveLength(1)
  const named = await sandbox.gitops(['decrypt', 'token'])
  expect([named.code, named.stderr]).toEqual([100, expect.stringContaining('`gitops decrypt token --write`')])
  expect((await sandbox.gitops(['decrypt', 'tokens'])).stderr).not.toContain('--write')
})

test('decrypt NAME --write puts that one secret in place and touches nothing else', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({
    '.claude/a.md': 'a',
    '.claude/.claude.json.enc': await sops(me, OURS),
    'secrets/token.json': await sops(me, { token: 'first-token' }),
  })
  withSecrets(sandbox, `${ACCOUNT}, ${TOKEN}`)
  const put = (): Promise<Ran> => sandbox.gitops(['decrypt', 'token', '--write'])
  expect((await put()).code).toBe(0)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
  expect(existsSync(join(sandbox.home, '.claude.json'))).toBe(false)

  await reconcile(sandbox)
  sandbox.write(sandbox.home, { '.claude/a.md': 'drifted', '.config/app/token.json': '{"token":"drifted"}' })
  expect((await put()).code).toBe(0)
  expect(json(sandbox, '.config/app/token.json')).toEqual({ token: 'first-token' })
  expect(sandbox.live('.claude/a.md')).toBe('drifted')
  expect(json(sandbox)).toEqual(OURS)

  const unknown = await sandbox.gitops(['decrypt', 'nobody', '--write'])
  expect(unknown.code).toBe(2)
  expect(unknown.said).toContain('Known: account, token')
})

test('a secret with a when, and a config that is a function, count only on the hosts they name', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.commit({ '.claude/a.md': 'a', 's/one': await sops(me, 'number one', { format: 'binary' }) })
  const secrets = (when: string): string => `secrets: {
    here: { from: 's/one', to: '~/here', when: ${when} },
    elsewhere: { from: 's/one', to: '~/elsewhere', when: { host: 'a-host-that-is-not-this-one' } },
    computed: { from: 's/one', to: home + '/on-' + platform },
  },`
  sandbox.config(`({ home, platform }) => (${DEFAULT_CONFIG(sandbox.remote, secrets('true'))})`)
  await reconcile(sandbox)
  expect(sandbox.live('here')).toBe('number one')
  expect(sandbox.live(`on-${process.platform}`)).toBe('number one')
  expect(existsSync(join(sandbox.home, 'elsewhere'))).toBe(false)

  sandbox.config(`({ home, platform }) => (${DEFAULT_CONFIG(sandbox.remote, secrets('() => false'))})`)
  await reconcile(sandbox)
  expect(existsSync(join(sandbox.home, 'here'))).toBe(false)
})

test('gitops decrypt prints what a file holds, and needs no config', async ({ sandbox }) => {
  const me = await newcomer(sandbox)
  sandbox.write(sandbox.site, { 'x.enc': await sops(me, 'a: plain text\n', { format: 'yaml' }) })
  const ran = await sandbox.gitops(['decrypt', 'x.enc'])
  expect([ran.code, ran.stdout]).toEqual([0, 'a: plain text\n'])
  expect(readFileSync(join(sandbox.site, 'x.enc'), 'utf8')).toContain('ENC[')
})

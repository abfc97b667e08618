import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Ran, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const SECRETS = `secrets: {
  account: { source: 'team', from: 'secrets/account.json', to: '~/.claude.json', strategy: 'merge' },
  token: { source: 'team', from: 'secrets/token.json', to: '~/.config/app/token.json', adopt: 'replace' },
},`

/** The home without our state and the user's own key. */
function home(sandbox: Sandbox): Record<string, string> {
  return Object.fromEntries(Object.entries(sandbox.tree(sandbox.home)).filter(([path]) => !/^\.local\/|^\.config\/(?:sops|$)/.test(path)))
}

/** A home with things of all kinds in the places that we write to, and five commits that write there. Returns the home before the first. */
async function installed(sandbox: Sandbox): Promise<Record<string, string>> {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.home, {
    '.claude/CLAUDE.md': { text: 'mine\r\nno end', mode: 0o640 },
    '.claude/run.sh': { text: '#!/bin/sh\n', mode: 0o750 },
    '.claude/link': { link: 'CLAUDE.md' },
    '.claude/type': 'a file before us',
    '.claude/equal': { text: 'the same in the source', mode: 0o600 },
    '.claude/equal-at-first': 'the same in the first commit',
    '.claude/projects/p.jsonl': 'an application',
    '.config/app/token.json': { text: '{"token":"mine"}', mode: 0o600 },
    '.claude.json': { text: '{\n  "numStartups": 1,\n  "apiKey": "their own"\n}\n', mode: 0o600 },
  })
  mkdirSync(join(sandbox.home, '.claude/empty'))
  chmodSync(join(sandbox.home, '.claude/empty'), 0o700)
  const before = home(sandbox)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, SECRETS))
  for (let n = 1; n <= 5; n++) {
    sandbox.commit({
      '.claude/CLAUDE.md': `ours ${n}`,
      '.claude/run.sh': { text: `#!/bin/sh\n# ${n}\n`, mode: 0o755 },
      ...(n === 1 && { '.claude/link': 'a file of ours', '.claude/type': { link: 'CLAUDE.md' } }),
      '.claude/equal': 'the same in the source',
      '.claude/equal-at-first': n === 1 ? 'the same in the first commit' : `another one ${n}`,
      [`.claude/agents/${n}/a.md`]: `agent ${n}`,
      'secrets/account.json': await sops(me, { apiKey: `key-${n}`, servers: { [`s${n}`]: 'x' } }),
      'secrets/token.json': await sops(me, { token: `token-${n}` }),
    })
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(0)
  }
  return before
}

async function done(sandbox: Sandbox, ...args: string[]): Promise<Ran> {
  const ran = await sandbox.gitops(args)
  expect(ran.code, ran.said).toBe(0)
  return ran
}

test('after install, five commits and uninstall the home is exactly as it was before, and no state is left but the audit trail', async ({
  sandbox,
}) => {
  const before = await installed(sandbox)
  const plan = await done(sandbox, 'uninstall', '--dry-run')
  expect(plan.stdout).toContain('claude  5 taken away, 5 put back')
  expect(plan.stdout).toContain('account  1 cleared of our keys')
  const asked = await sandbox.gitops(['uninstall'])
  expect(asked.code).toBe(2)
  expect(asked.stderr).toContain('there is no terminal to ask whether this is meant\nSay `gitops uninstall --yes`. Nothing was changed.')
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('ours 5')

  const gone = await done(sandbox, 'uninstall', '--yes')
  expect(home(sandbox)).toEqual(before)
  expect(gone.stdout).toContain('Uninstalled: what was there before us is back.')
  expect(gone.stdout).toContain(`The audit trail stays: ${sandbox.state}/audit.log`)
  // First contact kept what people wrote; with the originals back those copies stay too, and are named.
  expect(readFileSync(join(sandbox.state, 'kept.txt'), 'utf8')).toContain(join(sandbox.home, '.claude/CLAUDE.md'))
  expect(Object.keys(sandbox.tree(sandbox.state)).filter((path) => !/^(?:kept|sealed)\//.test(path))).toEqual(['audit.log', 'kept.txt'])
})

test('uninstall --purge leaves nothing of the state', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'before us' })
  // A link may lead to a name in an old encoding.
  const latin = Buffer.from('caf\xe9', 'latin1')
  symlinkSync(latin, join(sandbox.home, '.claude/link'))
  const before = home(sandbox)
  sandbox.commit({ '.claude/a': 'ours', '.claude/b/c': 'ours', '.claude/link': 'ours' })
  sandbox.config()
  await done(sandbox, 'reconcile')
  await done(sandbox, 'uninstall', '--yes', '--purge')
  expect(home(sandbox)).toEqual(before)
  expect(existsSync(join(sandbox.home, '.local/state/gitops'))).toBe(false)
  // From here on it is a machine like any other.
  await done(sandbox, 'reconcile')
  expect(sandbox.live('.claude/a')).toBe('ours')
  await done(sandbox, 'uninstall', '--yes')
  expect(home(sandbox)).toEqual(before)
  expect(readlinkSync(join(sandbox.home, '.claude/link'), { encoding: 'buffer' })).toEqual(latin)
})

test('a directory that we made for a target goes with it when it is empty, and stays when it is not', async ({ sandbox }) => {
  sandbox.commit({ 'a/x': 'x', 'b/y': 'y', 'c/z': 'z' })
  const targets = (more: string): void =>
    sandbox.config(`{
      name: 'story',
      sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
      targets: { a: { from: 'a', to: '~/made/by/us/a' }, ${more} },
    }`)
  mkdirSync(join(sandbox.home, 'theirs'))
  targets(`b: { from: 'b', to: '~/made/by/b' }, c: { from: 'c', to: '~/theirs' }`)
  await done(sandbox, 'reconcile')
  targets(`c: { from: 'c', to: '~/theirs' }`)
  await done(sandbox, 'reconcile')
  expect(existsSync(join(sandbox.home, 'made/by/b'))).toBe(false)
  expect(sandbox.live('made/by/us/a/x')).toBe('x')
  sandbox.write(sandbox.home, { 'made/by/somebody-else': 'x' })
  await done(sandbox, 'rollback', '--to', 'original')
  expect(home(sandbox)).toEqual({ 'made/': 'directory', 'made/by/': 'directory', 'made/by/somebody-else': '644 x', 'theirs/': 'directory' })
  // And once more: what was made again goes again.
  rmSync(join(sandbox.home, 'made'), { recursive: true })
  await done(sandbox, 'rollback')
  expect([sandbox.live('made/by/us/a/x'), sandbox.live('theirs/z')]).toEqual(['x', 'z'])
  await done(sandbox, 'uninstall', '--yes')
  expect(home(sandbox)).toEqual({ 'theirs/': 'directory' })
})

test('uninstall leaves what an application wrote, what a person has edited, and a copy of it where an original comes back, also with --purge', async ({
  sandbox,
}) => {
  await installed(sandbox)
  sandbox.write(sandbox.home, {
    '.claude/agents/1/a.md': 'edited by a person',
    '.claude/CLAUDE.md': 'edited too',
    '.claude/agents/2/own.md': 'an application',
    '.claude.json': '{"numStartups": 2, "apiKey": "key-5", "servers": {"s5": "x", "theirs": 1}, "new": true}',
  })
  const gone = await done(sandbox, 'uninstall', '--yes', '--purge')
  const [stays, replaced] = ['.claude/agents/1/a.md', '.claude/CLAUDE.md'].map((path) => join(sandbox.home, path))
  expect(gone.stdout).toContain(`${stays} was edited since it was applied: it stays, and is no longer ours`)
  expect(gone.stdout).toContain(`${replaced} was edited since it was applied: a copy is kept`)
  expect(sandbox.live('.claude/agents/2/own.md')).toBe('an application')
  expect(sandbox.live('.claude/agents/1/a.md')).toBe('edited by a person')
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('mine\r\nno end')
  expect(existsSync(join(sandbox.home, '.claude/agents/2/a.md'))).toBe(false)
  expect(JSON.parse(sandbox.live('.claude.json'))).toEqual({ numStartups: 2, apiKey: 'their own', servers: { theirs: 1 }, new: true })
  const [, name = '', path] = /^\S+ {2}([0-9a-f]{64}) {2}(".*")$/m.exec(readFileSync(join(sandbox.state, 'kept.txt'), 'utf8')) ?? []
  expect(path).toBe(JSON.stringify(replaced))
  expect((await done(sandbox, 'kept', name)).stdout).toBe('edited too')
})

test('what a person has edited stays when its target or secret leaves the config, and is theirs from then on', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({ 'a/edited': 'ours', 'a/ours': 'ours', 'a/link': 'ours', 'b/x': 'x', 'secrets/token': await sops(me, { token: 1 }) })
  const config = (targets: string, secrets: string): void =>
    sandbox.config(`{
      name: 'story',
      sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
      targets: { ${targets} b: { from: 'b', to: '~/b' } }, secrets: { ${secrets} },
    }`)
  config(`a: { from: 'a', to: '~/a' },`, `token: { from: 'secrets/token', to: '~/token' }`)
  await done(sandbox, 'reconcile')
  sandbox.write(sandbox.home, { 'a/edited': 'a person', 'a/link': { link: 'edited' }, token: 'a person' })
  chmodSync(join(sandbox.home, 'a/ours'), 0o755)
  config('', '')
  const told = await done(sandbox, 'reconcile')
  expect(told.stdout).toContain('3 paths stay as somebody has left them')
  const left = {
    'a/': 'directory',
    'a/edited': '644 a person',
    'a/link': '-> edited',
    'b/': 'directory',
    'b/x': '644 x',
    token: '600 a person',
  }
  expect(home(sandbox)).toEqual(left)
  expect((await done(sandbox, 'reconcile')).stdout).not.toContain('stay')
  expect(home(sandbox)).toEqual(left)
})

test('an uninstall whose config cannot be read changes nothing and says what to do', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'ours' })
  sandbox.config()
  await done(sandbox, 'reconcile')
  sandbox.config('{ nonsense')
  const broken = await sandbox.gitops(['uninstall', '--yes'])
  expect(broken.code, broken.said).toBe(2)
  expect(broken.stderr).toContain('Nothing was changed: only with its config is it known what is ours.')
  expect(sandbox.live('.claude/a')).toBe('ours')
})

test('rollback --to original brings back what was there before us, holds what was applied, and can itself be rolled back', async ({
  sandbox,
}) => {
  const before = await installed(sandbox)
  const applied = home(sandbox)
  const back = await done(sandbox, 'rollback', '--to', 'original')
  expect(back.stdout).toContain('What was there before us is back, as generation 6. What was applied is held.')
  expect(home(sandbox)).toEqual(before)
  const held = await sandbox.gitops(['reconcile'])
  expect(held.code, held.said).toBe(5)
  expect(home(sandbox)).toEqual(before)
  expect((await sandbox.gitops(['rollback', '--to', 'original'])).said).toContain('nothing here is ours\nNothing was changed.')
  expect((await sandbox.gitops(['rollback', '3', '--to', 'original'])).code).toBe(2)
  await done(sandbox, 'rollback')
  expect(home(sandbox)).toEqual(applied)
  await done(sandbox, 'reconcile')
  expect(home(sandbox)).toEqual(applied)
  await done(sandbox, 'rollback', '--to', 'original', '--source', 'team')
  expect(home(sandbox)).toEqual(before)
  await done(sandbox, 'retry')
  expect(home(sandbox)).toEqual(applied)
})

test('uninstall changes nothing when something stands in its way, and honours onRemove', async ({ sandbox }) => {
  sandbox.commit({ 'a/x': 'x', 'b/y': 'y' })
  sandbox.config(`{
    name: 'story',
    sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
    targets: { a: { from: 'a', to: '~/a' }, b: { from: 'b', to: '~/b', onRemove: 'leave' } },
  }`)
  await done(sandbox, 'reconcile')
  if (process.getuid?.() !== 0) {
    chmodSync(join(sandbox.home, 'a'), 0o500)
    const failed = await sandbox.gitops(['uninstall', '--yes'])
    chmodSync(join(sandbox.home, 'a'), 0o755)
    expect(failed.code).toBe(1)
    expect([sandbox.live('a/x'), sandbox.live('b/y')]).toEqual(['x', 'y'])
  }
  await done(sandbox, 'uninstall', '--yes')
  expect(home(sandbox)).toEqual({ 'b/': 'directory', 'b/y': '644 y' })
})

test('when going back to the original does not succeed, what stays live is not refused', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'before us' })
  sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'ours' })
  sandbox.config()
  await done(sandbox, 'reconcile')
  const kept = join(sandbox.state, 'kept')
  rmSync(kept, { recursive: true })
  for (const command of [
    ['rollback', '--to', 'original'],
    ['uninstall', '--yes'],
  ]) {
    const failed = await sandbox.gitops(command)
    expect(failed.code, failed.said).not.toBe(0)
    expect([sandbox.live('.claude/a'), sandbox.live('.claude/b')]).toEqual(['ours', 'ours'])
    const next = await done(sandbox, 'reconcile', '--json')
    expect(next.said).not.toContain('held')
    const { sources } = JSON.parse((await done(sandbox, 'status', '--json')).stdout) as { sources: { refused: unknown[] }[] }
    expect(sources[0]?.refused).toEqual([])
  }
})

test('a second uninstall loses no copy that the first has named', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'before us' })
  sandbox.commit({ '.claude/a': 'ours' })
  sandbox.config()
  await done(sandbox, 'reconcile')
  await done(sandbox, 'uninstall', '--yes')
  const list = readFileSync(join(sandbox.state, 'kept.txt'), 'utf8')
  await done(sandbox, 'uninstall', '--yes')
  expect(readFileSync(join(sandbox.state, 'kept.txt'), 'utf8')).toBe(list)
  expect((await done(sandbox, 'kept', list.split('  ')[1] ?? '')).stdout).toBe('before us')
})

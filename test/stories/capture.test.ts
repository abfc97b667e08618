import { chmodSync, existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Ran, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const claude = (sandbox: Sandbox, path = ''): string => join(sandbox.home, '.claude', path)
/** The work tree itself is the source. */
const local = (sandbox: Sandbox, more = '', inTarget = ''): void =>
  sandbox.config(`{
    name: 'story',
    sources: { team: { repo: ${JSON.stringify(sandbox.work)}, ref: 'main' } },
    targets: { claude: { from: '.claude', to: '~/.claude', ${inTarget} } },
    ${more}
  }`)
const capture = (sandbox: Sandbox, ...args: string[]): Promise<Ran> => sandbox.gitops(['capture', ...args], { cwd: sandbox.home })
const status = (sandbox: Sandbox): string[] => {
  const text = sandbox.git(sandbox.work, 'status', '--porcelain', '--no-renames', '--untracked-files=all')
  return text.split('\n').map((line) => line.trim().replace(/\s+/, ' '))
}
const from = (sandbox: Sandbox): string[] => ['-c', join(sandbox.site, 'gitops.config.ts')]
/** Every live file with when it was last written: what is not touched is the same afterwards. */
const untouched = (sandbox: Sandbox, paths: readonly string[]): bigint[] =>
  paths.map((path) => statSync(claude(sandbox, path), { bigint: true }).ctimeNs)

async function reconcile(sandbox: Sandbox): Promise<string> {
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  return ran.said
}

test('what was edited live is captured, committed by a person, and then in sync with nothing changed live', async ({ sandbox }) => {
  sandbox.commit({
    '.claude/a': 'a\n',
    '.claude/same': 's',
    '.claude/run': 'r',
    '.claude/link': 'l',
    '.claude/gone': 'g',
    '.claude/d/x': 'x',
    '.claude/d/y': 'y',
    '.gitignore': '*.log\n',
  })
  local(sandbox)
  await reconcile(sandbox)
  sandbox.write(sandbox.home, {
    '.claude/a': 'edited\n',
    '.claude/d/x': 'edited',
    '.claude/new': { text: 'n', mode: 0o755 },
    '.claude/d/app.log': '',
  })
  chmodSync(claude(sandbox, 'run'), 0o755)
  rmSync(claude(sandbox, 'link'))
  sandbox.write(sandbox.home, { '.claude/link': { link: 'd/x' } })
  rmSync(claude(sandbox, 'gone'))
  rmSync(claude(sandbox, 'd/y'))

  const head = sandbox.git(sandbox.work, 'rev-parse', 'HEAD')
  // A directory stands for all of ours in it that has changed; what is new is named.
  const ran = await capture(
    sandbox,
    '.claude/a',
    '.claude/same',
    '.claude/run',
    '.claude/link',
    '.claude/d',
    '.claude/new',
    ...from(sandbox),
  )
  expect(ran.code, ran.said).toBe(0)
  expect(ran.said).toContain(`${claude(sandbox, 'a')}: captured into ${sandbox.work}/.claude/a`)
  expect(ran.said).toContain(`${claude(sandbox, 'same')}: is as it was applied`)
  expect(ran.said).toContain(`${claude(sandbox, 'd/y')}: is gone, and stays in the source without --delete`)
  expect(ran.said).toContain(`Commit it in ${sandbox.work}`)
  expect(sandbox.git(sandbox.work, 'rev-parse', 'HEAD')).toBe(head)
  expect(status(sandbox)).toEqual(['M .claude/a', 'M .claude/d/x', 'T .claude/link', 'M .claude/run', '?? .claude/new'])
  const gone = await capture(sandbox, '--delete', '.claude', ...from(sandbox))
  expect(gone.code, gone.said).toBe(0)
  expect(gone.said).toContain(`${claude(sandbox, 'a')}: is so in ${sandbox.work}/.claude/a already`)
  expect(gone.said).toContain(`${claude(sandbox, 'gone')}: deleted from ${sandbox.work}/.claude/gone`)
  expect(sandbox.tree(join(sandbox.work, '.claude'))).toMatchObject({
    a: '644 edited\n',
    run: '755 r',
    link: '-> d/x',
    new: '755 n',
    'd/x': '644 edited',
  })
  expect(status(sandbox)).toHaveLength(7)

  const live = ['a', 'same', 'run', 'd/x', 'new']
  const before = [sandbox.tree(claude(sandbox)), untouched(sandbox, live)]
  sandbox.git(sandbox.work, 'add', '--all')
  sandbox.git(sandbox.work, 'commit', '-qm', 'captured')
  expect(await reconcile(sandbox)).toContain('In sync')
  expect([sandbox.tree(claude(sandbox)), untouched(sandbox, live)]).toEqual(before)
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
  // And it is ours from now on.
  sandbox.commit({ '.claude/new': null })
  expect(await reconcile(sandbox)).toContain('1 deleted')
})

test('capture never overwrites somebody’s work in the source, and writes nothing when one of its paths is refused', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': '1', '.claude/b': '1', '.claude/c': '1', '.claude/d': '1' })
  local(sandbox, '', `exclude: ['*.local'], onDrift: 'keep', protect: ['theirs']`)
  await reconcile(sandbox)
  sandbox.write(sandbox.home, {
    '.claude/a': 'mine',
    '.claude/b': 'mine',
    '.claude/c': 'mine',
    '.claude/x.local': 'mine',
    '.claude/theirs': 'app',
    '.claude/out': { link: '../../etc' },
    '.claude/dir/new': 'mine',
    elsewhere: 'mine',
  })
  rmSync(claude(sandbox, 'd'))
  sandbox.write(sandbox.work, { '.claude/b': 'being edited' })
  sandbox.git(sandbox.work, 'commit', '-qm', 'other', '--allow-empty')
  sandbox.write(sandbox.work, { '.claude/c': '2' })
  sandbox.git(sandbox.work, 'commit', '-qm', 'news', '.claude/c')
  const before = sandbox.tree(sandbox.work)
  const refused = async (path: string, code: number, words: string): Promise<void> => {
    const ran = await capture(sandbox, '.claude/a', path, ...from(sandbox))
    expect([path, ran.code, ran.said.includes(words) || ran.said]).toEqual([path, code, true])
  }
  await refused('.claude/b', 5, 'has changes that are not committed')
  await refused('.claude/c', 5, `is not what was applied to ${claude(sandbox, 'c')}: source team has another one there by now`)
  await refused('.claude/d', 2, 'is gone\n--delete takes it out of the source')
  await refused('.claude/x.local', 2, 'is left out of target claude, by its include or exclude')
  await refused('.claude/theirs', 5, 'the config protects it')
  await refused('.claude/out', 5, 'does not stay in the tree')
  await refused('.claude/dir', 2, 'holds nothing of ours')
  await refused('.claude/nowhere', 2, 'is not there, and nothing of ours')
  await refused('elsewhere', 2, 'is neither in a target of the config nor a secret of it')
  const tree = sandbox.tree(sandbox.work)
  expect(Object.keys(tree).filter((path) => !path.startsWith('.git/') && tree[path] !== before[path])).toEqual([])

  expect((await capture(sandbox, '--force', '.claude/b', '.claude/c', ...from(sandbox))).code).toBe(0)
  expect(sandbox.tree(sandbox.work)).toMatchObject({ '.claude/b': '644 mine', '.claude/c': '644 mine' })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote))
  await refused('.claude/b', 2, 'has no work tree on this machine')
})

test('a file that became a directory, and a directory that became a file, are captured with what has gone', async ({ sandbox }) => {
  sandbox.commit({ '.claude/p': '1', '.claude/q/a': '1', '.claude/q/b': '1' })
  local(sandbox)
  await reconcile(sandbox)
  rmSync(claude(sandbox, 'p'))
  rmSync(claude(sandbox, 'q'), { recursive: true })
  sandbox.write(sandbox.home, { '.claude/p/x': '2', '.claude/q': '2' })
  expect((await capture(sandbox, '.claude/p/x', ...from(sandbox))).said).toContain('Capture what has gone as well, with --delete')
  const ran = await capture(sandbox, '--delete', '.claude/p', '.claude/p/x', '.claude/q', ...from(sandbox))
  expect(ran.code, ran.said).toBe(0)
  expect(sandbox.tree(join(sandbox.work, '.claude'))).toEqual({ 'p/': 'directory', 'p/x': '644 2', q: '644 2' })
  sandbox.commit({})
  expect(await reconcile(sandbox)).toContain('In sync')
})

test('in the repository that holds the config, a captured edit is what the next commit applies', async ({ sandbox }) => {
  sandbox.commit({
    '.claude/a': '1',
    'gitops.config.json': JSON.stringify({
      name: 'story',
      sources: { self: { repo: '.' } },
      targets: { claude: { from: '.claude', to: '~/.claude', onDrift: 'keep' } },
    }),
  })
  const here = { cwd: sandbox.work }
  expect((await sandbox.gitops(['reconcile'], here)).code).toBe(0)
  sandbox.write(sandbox.home, { '.claude/a': 'mine' })
  expect((await sandbox.gitops(['capture', claude(sandbox, 'a')], here)).code).toBe(0)
  expect(sandbox.git(sandbox.work, 'diff', '--stat')).toContain('.claude/a | 2 +-')
  sandbox.git(sandbox.work, 'commit', '-qam', 'captured')
  const ran = await sandbox.gitops(['reconcile'], here)
  expect(ran.said).toContain('In sync')
  expect(ran.said).not.toContain('stay')
})

test('a secret is captured encrypted: only the changed value changes, of a merged document only our keys, and nothing is said of them', async ({
  sandbox,
}) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.home, { '.claude.json': '{"theirs":"1"}' })
  const token = await sops(me, { one: 'value-one', two: 'value-two' })
  const account = await sops(me, { mcp: { search: { key: 'key-one' }, other: 'o' }, old: 'old-value' })
  sandbox.commit({ '.claude/a': '1', 'token.json': token, 'account.json.enc': account })
  local(
    sandbox,
    `secrets: {
      token: { from: 'token.json', to: '~/.config/app/token.json' },
      account: { from: 'account.json.enc', to: '~/.claude.json', strategy: 'merge' },
    }`,
  )
  await reconcile(sandbox)
  const unchanged = await capture(sandbox, '.claude.json', '.config/app/token.json', ...from(sandbox))
  expect(unchanged.said.match(/is as it was applied/g)).toHaveLength(2)

  const text = sandbox.live('.config/app/token.json').replace('value-two', 'value-new')
  sandbox.write(sandbox.home, {
    '.config/app/token.json': text,
    '.claude.json': '{"theirs":"theirs-2","mcp":{"search":{"key":"key-new","more":"theirs-3"},"other":"o"}}',
  })
  const refused = await capture(sandbox, '.claude.json', ...from(sandbox))
  expect([refused.code, refused.said.includes('has no /old any more\n--delete takes it out of the source')]).toEqual([2, true])
  const ran = await capture(sandbox, '--delete', '.claude.json', '.config/app/token.json', ...from(sandbox))
  expect(ran.code, ran.said).toBe(0)
  expect(ran.said).not.toMatch(/value-|key-|theirs-/)
  // The changed value, the time and the checksum.
  const changed = sandbox.git(sandbox.work, 'diff', '--unified=0', 'token.json').match(/^\+[^+].*$/gm) ?? []
  expect(changed.map((line) => /"(\w+)":/.exec(line)?.[1])).toEqual(['two', 'lastmodified', 'mac'])
  const source = await sandbox.gitops(['decrypt', 'account.json.enc'], { cwd: sandbox.work })
  expect(JSON.parse(source.stdout)).toEqual({ mcp: { search: { key: 'key-new' }, other: 'o' } })
  expect(sandbox.git(sandbox.work, 'diff')).not.toMatch(/value-|key-|theirs-/)

  const before = [sandbox.live('.config/app/token.json'), sandbox.live('.claude.json')]
  sandbox.commit({})
  await reconcile(sandbox)
  expect([sandbox.live('.config/app/token.json'), sandbox.live('.claude.json')]).toEqual(before)
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
  expect(existsSync(join(sandbox.state, 'kept'))).toBe(false)
})

test('of a document that an application writes too only our keys and items are captured, and the rest of the source’s file keeps its bytes', async ({
  sandbox,
}) => {
  const source = '{\n    "model": "one",   "allow": ["a", "b"],\n    "deep": { "x": 1, "y": 2 }\n}\n'
  sandbox.commit({ '.claude/settings.json': source })
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"theirs":1,"allow":["t"]}' })
  local(sandbox, '', `documents: { 'settings.json': { merge: { lists: { '/allow': 'set' } } } }`)
  await reconcile(sandbox)
  const edited = '{"theirs":2,"model":"two","allow":["t","a"],"deep":{"x":1,"y":3,"z":4}}'
  sandbox.write(sandbox.home, { '.claude/settings.json': edited })
  expect((await capture(sandbox, '.claude/settings.json', ...from(sandbox))).said).toContain('has no item that we wrote in /allow any more')
  expect((await capture(sandbox, '--delete', '.claude', ...from(sandbox))).code).toBe(0)
  const captured = source.replace('one', 'two').replace('["a", "b"]', '["a"]').replace('"y": 2', '"y": 3')
  expect(sandbox.tree(join(sandbox.work, '.claude'))).toEqual({ 'settings.json': `644 ${captured}` })
  sandbox.commit({})
  expect(await reconcile(sandbox)).toContain('In sync')
  expect(sandbox.live('.claude/settings.json')).toBe(edited)
})

import { existsSync, lstatSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')
const source = (sandbox: Sandbox): string => `{ repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }`
const config = (sandbox: Sandbox, targets: string, name = 'story'): string =>
  `{ name: '${name}', sources: { team: ${source(sandbox)} }, targets: { ${targets} } }`
const CLAUDE = `claude: { from: '.claude', to: '~/.claude' }`
const OTHER = `other: { from: 'other', to: '~/other' }`

test('at first contact an equal file is taken over in silence, and nothing is written', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': { text: 'same', mode: 0o600 } })
  sandbox.commit({ '.claude/a': 'same' })
  sandbox.config()
  const before = lstatSync(join(claude(sandbox), 'a'))
  const first = await sandbox.gitops(['reconcile'])
  expect(first.said).toContain('In sync')
  const after = lstatSync(join(claude(sandbox), 'a'))
  expect([after.mtimeMs, after.ctimeMs, after.mode]).toEqual([before.mtimeMs, before.ctimeMs, before.mode])
  // It is ours from now on: when it leaves the source, it goes.
  sandbox.commit({ '.claude/a': null, '.claude/b': 'b' } as never)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ b: '644 b' })
})

test('at first contact a different file is kept, replaced, and brought back by a rollback, with its permissions', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/CLAUDE.md': { text: 'mine', mode: 0o640 }, '.claude/link': { link: 'CLAUDE.md' } })
  const before = sandbox.tree(claude(sandbox))
  sandbox.commit({ '.claude/CLAUDE.md': 'ours', '.claude/link': 'a file', '.claude/new/x': 'new' })
  sandbox.config()
  expect((await sandbox.gitops(['diff'])).said).toContain('CLAUDE.md  (changed, a copy of what is there now is kept)')
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 created, 2 updated')
  expect(sandbox.tree(claude(sandbox))).toMatchObject({ 'CLAUDE.md': '640 ours', link: '644 a file' })
  const back = await sandbox.gitops(['rollback'])
  expect(back.code).toBe(0)
  expect(back.said).toContain('What was there before us is back')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test.for([
  [
    'settings.json',
    '{"model":"opus","permissions":{"allow":["x"]},"theme":"dark"}',
    '{"model":"sonnet","permissions":{}}',
    '"permissions.allow", "theme"',
  ],
  ['config.yaml', 'model: opus\nlogin:\n  token: 1\n', 'model: sonnet\n', '"login"'],
  ['config.yml', 'a: 1\n', '', '"a"'],
  ['config.toml', 'model = "opus"\n[login]\ntoken = 1\n', 'model = "sonnet"\n', '"login"'],
  ['Settings.JSON', '{"__proto__":{"x":1},"constructor":2}', '{}', '"__proto__", "constructor"'],
] as const)(
  'a live %s with keys that ours lacks is not replaced until the config says so',
  async ([name, live, ours, keys], { sandbox }) => {
    sandbox.write(sandbox.home, { [`.claude/${name}`]: live })
    sandbox.commit({ [`.claude/${name}`]: ours, '.claude/other.md': 'x' })
    sandbox.config()
    const refused = await sandbox.gitops(['reconcile'])
    expect(refused.code).toBe(5)
    expect(refused.said).toContain(`${name} is there already and holds`)
    expect(refused.said).toContain(keys)
    const hint = `{ ${JSON.stringify(name)}: 'replace' }`
    expect(refused.said).toContain(`set targets.claude.adopt to ${hint}`)
    expect(sandbox.tree(claude(sandbox))).toEqual({ [name]: `644 ${live}` })
    expect((await sandbox.gitops(['diff'])).said).toContain(`${name}  (refused: is there already`)

    sandbox.config(config(sandbox, `claude: { from: '.claude', to: '~/.claude', adopt: ${hint} }`))
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(sandbox.live(`.claude/${name}`)).toBe(ours)
    expect((await sandbox.gitops(['rollback'])).code).toBe(0)
    expect(sandbox.tree(claude(sandbox))).toEqual({ [name]: `644 ${live}` })
  },
)

test.for([
  ['settings.json', '{"a":1,', 'does not parse'],
  ['x.toml', 'a = = 1', 'does not parse'],
  ['x.yaml', 'a: [1', 'does not parse'],
] as const)('a live %s that does not parse is not replaced', async ([name, live, why], { sandbox }) => {
  sandbox.write(sandbox.home, { [`.claude/${name}`]: live })
  sandbox.commit({ [`.claude/${name}`]: name.endsWith('toml') ? 'a = 1\n' : '{}\n' })
  sandbox.config()
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain(why)
  expect(sandbox.live(`.claude/${name}`)).toBe(live)
})

test.for([
  ['with the same keys and other values', '{"a":1,"b":{"c":1}}', '{"a":2,"b":{"c":2}}'],
  ['with fewer keys', '{"a":1}', '{"a":2,"b":3}'],
  ['in another order and layout', '{ "b": 1,\n "a": 1 }', '{"a":1,"b":1}'],
  ['that is empty', '', '{"a":1}'],
] as const)('a live document %s is replaced like any other file', async ([, live, ours], { sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/s.json': live })
  sandbox.commit({ '.claude/s.json': ours })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/s.json')).toBe(ours)
})

test('what leaves the source goes, and nothing else does', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', '.claude/d/b': 'b', '.claude/d/c': 'c' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/d/b': 'edited', '.claude/mine': 'mine' })
  sandbox.commit({ '.claude/d': null })
  const pruned = await sandbox.gitops(['reconcile'])
  expect(pruned.said).toContain('2 deleted')
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 a', mine: '644 mine' })
  // What a person had written there is kept, and a rollback brings it back.
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.live('.claude/d/b')).toBe('edited')
})

test('a source that is suddenly empty, or has lost its directory, deletes nothing without --allow-shrink', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', 'README.md': 'x' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ '.claude': null })
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('the source is empty there')
  expect(refused.said).toContain('--allow-shrink')
  expect(sandbox.live('.claude/a')).toBe('a')
  expect((await sandbox.gitops(['reconcile', '--allow-shrink'])).said).toContain('1 deleted')
  expect(sandbox.tree(claude(sandbox))).toEqual({})
  // That was agreed to once and is not asked again.
  const settled = await sandbox.gitops(['reconcile'])
  expect(settled.said).toContain('In sync')
  expect(settled.code).toBe(0)
})

test('a directory that the source never had is an error, with nothing owned there', async ({ sandbox }) => {
  sandbox.commit({ 'README.md': 'x' })
  sandbox.config()
  const failed = await sandbox.gitops(['reconcile'])
  expect(failed.code).toBe(1)
  expect(failed.said).toContain('there is no directory ".claude" in team')
})

test('more than half and more than ten at once are not deleted without --allow-shrink', async ({ sandbox }) => {
  const many = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`.claude/f${index}`, String(index)]))
  const drop = (from: number, to: number): Record<string, null> =>
    Object.fromEntries(Array.from({ length: to - from }, (_, index) => [`.claude/f${from + index}`, null]))
  sandbox.commit(many(24))
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit(drop(12, 24))
  // Half is not more than half.
  expect((await sandbox.gitops(['reconcile'])).said).toContain('12 deleted')
  sandbox.commit(drop(1, 12))
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('11 of 12 files would be deleted')
  expect((await sandbox.gitops(['diff'])).code).toBe(5)
  expect(Object.keys(sandbox.tree(claude(sandbox)))).toHaveLength(12)
  expect((await sandbox.gitops(['reconcile', '--allow-shrink'])).code).toBe(0)
  expect(Object.keys(sandbox.tree(claude(sandbox)))).toHaveLength(1)
})

test('a target that leaves the config takes its files along, and what was there before comes back', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': { text: 'mine', mode: 0o600 }, '.claude/gone': 'mine too', '.claude/app': 'app' })
  const before = sandbox.tree(claude(sandbox))
  sandbox.commit({ '.claude/a': 'ours', '.claude/gone': 'ours', '.claude/d/new': 'new', 'other/x': 'x' })
  sandbox.config(config(sandbox, `${CLAUDE}, ${OTHER}`))
  await sandbox.gitops(['reconcile'])
  // This one leaves the source before the target leaves the config.
  sandbox.commit({ '.claude/gone': null })
  await sandbox.gitops(['reconcile'])
  expect(Object.keys(sandbox.tree(claude(sandbox))).toSorted()).toEqual(['a', 'app', 'd/', 'd/new'])
  const applied = sandbox.tree(claude(sandbox))

  sandbox.config(config(sandbox, OTHER))
  expect((await sandbox.gitops(['status'])).said).toContain('claude: 1 created, 1 updated, 1 deleted')
  const gone = await sandbox.gitops(['reconcile'])
  expect(gone.code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  expect(sandbox.live('other/x')).toBe('x')
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')

  // And that, too, can be taken back; it then stays so until something changes.
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual(applied)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(sandbox.tree(claude(sandbox))).toEqual(applied)
  expect((await sandbox.gitops(['retry'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test('a target that left and came back brings back what was there the second time', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'first' })
  sandbox.commit({ '.claude/a': 'ours', 'other/x': 'x' })
  for (const text of ['first', 'second']) {
    sandbox.write(sandbox.home, { '.claude/a': text })
    sandbox.config(config(sandbox, `${CLAUDE}, ${OTHER}`))
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(sandbox.live('.claude/a')).toBe('ours')
    sandbox.config(config(sandbox, OTHER))
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(sandbox.live('.claude/a')).toBe(text)
  }
  // The third time there is nothing, and nothing is what comes back.
  rmSync(join(claude(sandbox), 'a'))
  sandbox.config(config(sandbox, `${CLAUDE}, ${OTHER}`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.config(config(sandbox, OTHER))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({})
})

test('with onRemove leave, the files of a target that leaves the config stay', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'mine' })
  sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'b', 'other/x': 'x' })
  sandbox.config(config(sandbox, `claude: { from: '.claude', to: '~/.claude', onRemove: 'leave' }, ${OTHER}`))
  await sandbox.gitops(['reconcile'])
  sandbox.config(config(sandbox, OTHER))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 ours', b: '644 b' })
  // They are nobody's now: an edit is no drift.
  sandbox.write(sandbox.home, { '.claude/b': 'edited' })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
})

test('a source that leaves the config takes its targets along, without being asked', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'mine' })
  sandbox.git(sandbox.root, 'init', '-q', '--bare', '--initial-branch=main', 'second.git')
  sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'b', 'other/x': 'x' })
  sandbox.git(sandbox.work, 'push', '-q', join(sandbox.root, 'second.git'), 'HEAD')
  const second = `second: { repo: ${JSON.stringify(join(sandbox.root, 'second.git'))} }`
  sandbox.config(
    `{ name: 'story', sources: { team: ${source(sandbox)}, ${second} }, targets: { claude: { source: 'second', from: '.claude', to: '~/.claude' }, other: { source: 'team', from: 'other', to: '~/other' } } }`,
  )
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/a')).toBe('ours')
  rmSync(join(sandbox.root, 'second.git'), { recursive: true })
  sandbox.config(config(sandbox, OTHER))
  expect((await sandbox.gitops(['diff'])).code).toBe(3)
  const gone = await sandbox.gitops(['reconcile'])
  expect(gone.code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 mine' })
  const status = await sandbox.gitops(['status', '--exit-code'])
  expect(status.code).toBe(0)
  expect(status.said).not.toContain('second')
})

test('renaming the keys of the config changes nothing on disk', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/a': 'mine' })
  sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'b' })
  sandbox.config(config(sandbox, CLAUDE))
  await sandbox.gitops(['reconcile'])
  const look = () => ['a', 'b'].map((name) => [lstatSync(join(claude(sandbox), name)).ino, lstatSync(join(claude(sandbox), name)).ctimeMs])
  const before = look()
  sandbox.config(
    `{ name: 'story', sources: { us: ${source(sandbox)} }, targets: { files: { source: 'us', from: '.claude', to: '~/.claude' } } }`,
  )
  const renamed = await sandbox.gitops(['reconcile'])
  expect(renamed.said).toContain('In sync: us')
  expect(look()).toEqual(before)
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
  sandbox.commit({ '.claude/b': null })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 deleted')
})

test('a target that is made narrower or wider keeps the files that stay wanted', async ({ sandbox }) => {
  sandbox.commit({ '.claude/hooks/x': 'x', '.claude/hooks/d/y': 'y', '.claude/a': 'a' })
  sandbox.config(config(sandbox, CLAUDE))
  await sandbox.gitops(['reconcile'])
  const inode = lstatSync(join(claude(sandbox), 'hooks/x')).ino
  sandbox.config(config(sandbox, `hooks: { from: '.claude/hooks', to: '~/.claude/hooks' }`))
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 deleted')
  expect(Object.keys(sandbox.tree(claude(sandbox)))).toEqual(['hooks/', 'hooks/d/', 'hooks/d/y', 'hooks/x'])
  expect(lstatSync(join(claude(sandbox), 'hooks/x')).ino).toBe(inode)
  sandbox.config(config(sandbox, CLAUDE))
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 created')
  expect(lstatSync(join(claude(sandbox), 'hooks/x')).ino).toBe(inode)
  sandbox.commit({ '.claude/hooks': null })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('2 deleted')
})

test('two configs cannot own one live path, whether its content differs, is equal or is missing', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b', '.claude/c': 'c', 'two/a': 'other', 'two/b': 'b', 'two/c': 'c', 'two/free': 'free' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const second = join(sandbox.root, 'second')
  const write = (more: string): void =>
    sandbox.write(second, {
      'gitops.config.ts': `import { defineConfig } from 'gitops'\nexport default defineConfig(${config(sandbox, `two: { from: 'two', to: '~/.claude' ${more} }`, 'second')})\n`,
    })
  write('')
  rmSync(join(claude(sandbox), 'c'))
  const refused = await sandbox.gitops(['reconcile'], { cwd: second })
  expect(refused.code).toBe(5)
  for (const name of ['a', 'b', 'c'])
    expect(refused.said).toContain(`${join(claude(sandbox), name)} is owned by another config, ${join(sandbox.site, 'gitops.config.ts')}`)
  expect(existsSync(join(claude(sandbox), 'free'))).toBe(false)
  write(`, exclude: ['a', 'b', 'c']`)
  expect((await sandbox.gitops(['reconcile'], { cwd: second })).code).toBe(0)
  expect(sandbox.live('.claude/free')).toBe('free')

  // A config that is gone claims nothing.
  write('')
  rmSync(join(sandbox.site, 'gitops.config.ts'))
  expect((await sandbox.gitops(['reconcile'], { cwd: second })).code).toBe(0)
  expect(sandbox.live('.claude/a')).toBe('other')
})

test('two configs of one name are told apart, by every command', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const second = join(sandbox.root, 'second')
  sandbox.write(second, { 'gitops.config.ts': readFileSync(join(sandbox.site, 'gitops.config.ts')) })
  for (const args of [['reconcile'], ['reconcile', '--dry-run'], ['diff'], ['status'], ['rollback']]) {
    const refused = await sandbox.gitops(args, { cwd: second })
    expect([args, refused.code]).toEqual([args, 2])
    expect(refused.said).toContain(`the name "story" is taken by ${join(sandbox.site, 'gitops.config.ts')}`)
  }
  expect(sandbox.live('.claude/a')).toBe('a')
  // The first one moved: the state goes with it.
  rmSync(second, { recursive: true })
  renameSync(sandbox.site, join(sandbox.root, 'moved'))
  const moved = await sandbox.gitops(['reconcile'], { cwd: join(sandbox.root, 'moved') })
  expect(moved.said).toContain('the config moved here from')
  expect(moved.code).toBe(0)
})

test.for(['inventory.json', 'status.json', 'identity.json'])(
  'a damaged %s is said, kept aside or made anew, and costs no file',
  async (name, { sandbox }) => {
    sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b' })
    sandbox.config()
    await sandbox.gitops(['reconcile'])
    for (const text of ['{"format":1', 'null', '{"format":1}']) {
      writeFileSync(join(sandbox.state, name), text)
      const status = await sandbox.gitops(['status'])
      expect([text, status.code, status.said.includes('this is a bug')]).toEqual([text, 0, false])
      const mended = await sandbox.gitops(['reconcile'])
      expect([text, mended.code, mended.said.includes('this is a bug')]).toEqual([text, 0, false])
      if (name === 'inventory.json') {
        expect(mended.said).toContain('inventory.json is damaged (')
        expect(readdirSync(sandbox.state).some((other) => other.startsWith('inventory.json.damaged-'))).toBe(true)
      }
      expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 a', b: '644 b' })
    }
    sandbox.commit({ '.claude/b': null })
    expect((await sandbox.gitops(['reconcile'])).said).toContain('1 deleted')
  },
)

test('a state that a newer gitops wrote is left alone', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  writeFileSync(join(sandbox.state, 'inventory.json'), '{"format":99}')
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(4)
  expect(refused.said).toContain('written by a newer gitops')
  expect(readFileSync(join(sandbox.state, 'inventory.json'), 'utf8')).toBe('{"format":99}')
})

test('a file in the place of a directory of our own state is one sentence with what to do', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  for (const name of ['lock', 'kept']) {
    const path = join(sandbox.state, name)
    rmSync(path, { recursive: true, force: true })
    sandbox.write(sandbox.state, { [name]: 'x' })
    sandbox.write(sandbox.home, { '.claude/a': `edited, so that something is kept: ${name}` })
    const { code, said } = await sandbox.gitops(['reconcile'])
    expect([name, code, said]).toEqual([name, 1, expect.stringMatching(new RegExp(`${path}.* cannot be (?:made|read|written)`))])
    expect(said).not.toMatch(/this is a bug|^gitops: E[A-Z]+/m)
    expect(said).toMatch(/move away|See that/i)
    rmSync(path, { recursive: true })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  }
})

test('a home directory that is none is said in a sentence, before anything is read', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  for (const HOME of ['', 'not/full']) {
    const { code, said } = await sandbox.gitops(['reconcile'], { env: { HOME } })
    expect([code, said]).toEqual([
      2,
      expect.stringMatching(/^gitops: HOME is (?:empty|"not\/full"), not a directory's full path\nSet HOME/),
    ])
  }
})

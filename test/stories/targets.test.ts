import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

/** The default config with more in its one target. */
const target = (sandbox: Sandbox, more: string): string => `{
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { claude: { from: '.claude', to: '~/.claude', ${more} } },
}`
const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')

test('include and exclude decide what is taken, and what is newly excluded stays and is no longer ours', async ({ sandbox }) => {
  sandbox.commit({
    '.claude/a.md': 'a',
    '.claude/b.json': '{}',
    '.claude/hooks/x.sh': 'x',
    '.claude/hooks/test/y.sh': 'y',
    '.claude/.hidden.md': 'h',
  })
  sandbox.config(target(sandbox, `include: ['**/*.md', 'hooks'], exclude: ['hooks/test']`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(Object.keys(sandbox.tree(claude(sandbox))).toSorted()).toEqual(['.hidden.md', 'a.md', 'hooks/', 'hooks/x.sh'])

  sandbox.config(target(sandbox, `exclude: ['hooks', '*.md']`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const left = ['.hidden.md', 'a.md', 'b.json', 'hooks/', 'hooks/x.sh']
  expect(Object.keys(sandbox.tree(claude(sandbox))).toSorted()).toEqual(left)
  sandbox.commit({ '.claude/hooks': null, '.claude/a.md': null })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
  expect(Object.keys(sandbox.tree(claude(sandbox))).toSorted()).toEqual(left)
})

test('new files get the permissions that the umask gives, executable files are executable, and declared modes are exact', async ({
  sandbox,
}) => {
  sandbox.commit({
    '.claude/a': 'a',
    '.claude/run': { text: 'r', mode: 0o755 },
    '.claude/secret': 's',
    '.claude/bin/tool': { text: 't', mode: 0o755 },
  })
  sandbox.config(target(sandbox, `modes: { secret: '0600', 'bin/*': '700' }`))
  const umask = process.umask(0o027)
  try {
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  } finally {
    process.umask(umask)
  }
  const modes = { a: 0o640, run: 0o750, secret: 0o600, 'bin/tool': 0o700, bin: 0o750 }
  for (const [path, mode] of Object.entries(modes))
    expect([path, lstatSync(join(claude(sandbox), path)).mode & 0o777]).toEqual([path, mode])

  // Another umask is no drift; a changed declared mode is, and so is a lost executable bit.
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
  chmodSync(join(claude(sandbox), 'secret'), 0o644)
  chmodSync(join(claude(sandbox), 'run'), 0o640)
  chmodSync(join(claude(sandbox), 'a'), 0o600)
  const healed = await sandbox.gitops(['reconcile'])
  expect(healed.said).toContain('secret: permissions changed since it was applied')
  expect(healed.said).toContain('run: permissions changed since it was applied')
  expect(healed.said).toContain('2 updated; drift was healed')
  expect(lstatSync(join(claude(sandbox), 'secret')).mode & 0o777).toBe(0o600)
  expect(lstatSync(join(claude(sandbox), 'run')).mode & 0o777).toBe(0o750)
  expect(lstatSync(join(claude(sandbox), 'a')).mode & 0o777).toBe(0o600)
})

test('an update keeps the permissions that somebody chose', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  chmodSync(join(claude(sandbox), 'a'), 0o600)
  sandbox.commit({ '.claude/a': 'two' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '600 two' })
})

test('a file that becomes executable in the source becomes executable here', async ({ sandbox }) => {
  sandbox.commit({ '.claude/x.sh': { text: '#!/bin/sh\n', mode: 0o644 } })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ '.claude/x.sh': { text: '#!/bin/sh\n', mode: 0o755 } })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 updated')
  expect(sandbox.tree(claude(sandbox))).toEqual({ 'x.sh': '755 #!/bin/sh\n' })
})

test('links inside the tree are made, changed and deleted as links', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b', '.claude/d/l': { link: '../a' }, '.claude/m': { link: 'nowhere yet' } })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toMatchObject({ 'd/l': '-> ../a', m: '-> nowhere yet' })
  sandbox.commit({ '.claude/d/l': { link: '../b' }, '.claude/m': null } as never)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 a', b: '644 b', 'd/': 'directory', 'd/l': '-> ../b' })
})

test.for([
  ['straight out', { l: { link: '../x' } }],
  ['to an absolute path', { l: { link: '/etc/passwd' } }],
  ['out through another link', { 'd/e/l': { link: 'up/../..' }, 'd/e/up': { link: '.' } }],
] as const)('a revision with a link that leads %s is refused and nothing is written', async ([, links], { sandbox }) => {
  sandbox.commit(
    Object.fromEntries(Object.entries({ ...links, 'd/fine': 'x', 'd/e/fine': 'x' }).map(([path, file]) => [`.claude/${path}`, file])),
  )
  if ('d/e/l' in links) sandbox.commit({ '.claude/d/e/l': { link: 'up/../../../..' } })
  sandbox.config()
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('does not stay in the tree')
  expect(existsSync(claude(sandbox))).toBe(false)
})

test('a link that was fine is judged again when the link that it goes through becomes a directory', async ({ sandbox }) => {
  sandbox.commit({ '.claude/d/e/f/x': 'x', '.claude/b': { link: 'd/e/f' }, '.claude/a': { link: 'b/../../d' } })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.git(sandbox.work, 'rm', '-q', '.claude/b')
  sandbox.commit({ '.claude/b/y': 'y' })
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('does not stay in the tree')
  expect(sandbox.tree(claude(sandbox))).toMatchObject({ b: '-> d/e/f' })
})

test('a revision that contains a protected path is refused by name', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', '.claude/projects/x/y.jsonl': '{}' })
  sandbox.config(target(sandbox, `protect: ['projects', '*.jsonl']`))
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('"projects/x/y.jsonl" is in the source, but the config protects it')
  expect(existsSync(claude(sandbox))).toBe(false)
})

test('a revision cannot write into our own state, even through a target that is all of home', async ({ sandbox }) => {
  sandbox.commit({ 'home/.profile': 'x', 'home/.local/state/gitops/story/inventory.json': '{}' })
  sandbox.config(
    `{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } }, targets: { home: { from: 'home', to: '~' } } }`,
  )
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('would write into our own state')
  expect(existsSync(join(sandbox.home, '.profile'))).toBe(false)

  sandbox.commit({ 'home/.local': null })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.profile')).toBe('x')
})

test('several targets of one source go live together, and together they stay as they were', async ({ sandbox }) => {
  const config = `{
    name: 'story',
    sources: { toString: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
    targets: {
      one: { from: 'one', to: '~/one' },
      two: { from: 'two/deep', to: '~/x/y/two' },
      toString: { from: 'three', to: '~/three' },
    },
  }`
  sandbox.commit({ 'one/a': '1', 'two/deep/b': '2', 'three/c': '3' })
  sandbox.config(config)
  const first = await sandbox.gitops(['reconcile', '--json'])
  expect(first.code).toBe(0)
  const verdict = JSON.parse(first.stdout.trim().split('\n').at(-1) ?? '') as { targets: { name: string; created: number }[] }
  expect(verdict.targets.map(({ name, created }) => [name, created])).toEqual([
    ['one', 1],
    ['two', 1],
    ['toString', 1],
  ])
  expect([sandbox.live('one/a'), sandbox.live('x/y/two/b'), sandbox.live('three/c')]).toEqual(['1', '2', '3'])

  // A directory stands where a file of the second target goes: neither target changes.
  sandbox.write(sandbox.home, { 'x/y/two/new/mine': 'mine' })
  sandbox.commit({ 'one/a': '11', 'two/deep/new': 'file' })
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain(`${join(sandbox.home, 'x/y/two/new')} is a directory that holds "new/mine", which is not ours`)
  expect(sandbox.live('one/a')).toBe('1')
})

test('a name that cannot be used is refused, never left out in silence', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config(
    `{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)} } }, targets: { constructor: { from: '.claude', to: '~/.claude' } } }`,
  )
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(2)
  expect(refused.said).toContain('targets.constructor: cannot be used as a name')
})

test('a target root that is a link is followed once, and stays a link', async ({ sandbox }) => {
  mkdirSync(join(sandbox.home, 'dotfiles/claude'), { recursive: true })
  symlinkSync('dotfiles/claude', claude(sandbox))
  sandbox.commit({ '.claude/a': 'a' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(lstatSync(claude(sandbox)).isSymbolicLink()).toBe(true)
  expect(sandbox.tree(join(sandbox.home, 'dotfiles/claude'))).toEqual({ a: '644 a' })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
})

test('a target that was moved away and linked from its old place keeps its files', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/b': 'before us' })
  sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b', '.claude/d/c': 'c' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const before = sandbox.tree(claude(sandbox))
  mkdirSync(join(sandbox.home, 'dotfiles'))
  renameSync(claude(sandbox), join(sandbox.home, 'dotfiles/claude'))
  symlinkSync('dotfiles/claude', claude(sandbox))

  const moved = await sandbox.gitops(['reconcile'])
  expect(moved.said).toContain('In sync')
  expect(sandbox.tree(join(sandbox.home, 'dotfiles/claude'))).toEqual(before)
  // And what we own there is still known to be ours.
  sandbox.commit({ '.claude/d': null })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('1 deleted')
  expect(Object.keys(sandbox.tree(join(sandbox.home, 'dotfiles/claude')))).toEqual(['a', 'b'])
})

test('two targets that are one directory through a link are refused', async ({ sandbox }) => {
  mkdirSync(join(sandbox.home, 'real'))
  symlinkSync('real', join(sandbox.home, 'alias'))
  sandbox.commit({ 'one/a': '1', 'two/b': '2' })
  sandbox.config(`{
    name: 'story',
    sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
    targets: { one: { from: 'one', to: '~/real' }, two: { from: 'two', to: '~/alias/sub' } },
  }`)
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(2)
  expect(refused.said).toContain('are one inside the other')
  expect(sandbox.tree(join(sandbox.home, 'real'))).toEqual({})
})

test('a link below a target’s root is never followed: the plan is refused', async ({ sandbox }) => {
  mkdirSync(join(sandbox.home, 'precious'))
  mkdirSync(claude(sandbox))
  symlinkSync('../precious', join(claude(sandbox), 'hooks'))
  sandbox.commit({ '.claude/hooks/x.sh': 'x', '.claude/a': 'a' })
  sandbox.config()
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('"hooks" is a link, and links are not followed below a target')
  expect(readdirSync(join(sandbox.home, 'precious'))).toEqual([])
  expect(existsSync(join(claude(sandbox), 'a'))).toBe(false)
})

test('a directory of ours that was replaced by a link is not deleted through', async ({ sandbox }) => {
  sandbox.commit({ '.claude/hooks/x.sh': 'x', '.claude/a': 'a' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  renameSync(join(claude(sandbox), 'hooks'), join(sandbox.home, 'my-hooks'))
  symlinkSync('../my-hooks', join(claude(sandbox), 'hooks'))
  sandbox.commit({ '.claude/hooks': null })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('my-hooks/x.sh')).toBe('x')
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 a', hooks: '-> ../my-hooks' })
})

const NAMES = [
  'with blank', ' ', 'two  blanks', 'quote"s\'', 'line\nfeed', 'tab\t', 'ünïcödé', '日本語', '😀', '-rf', '--help', 'back\\slash', '__proto__', 'constructor',
  'toString', '$(touch x)', '`x`', ';x', '*', '?', '[a]', '{a,b}', '!x', '#x', '~', '%41', '...', '..x', 'x..', '.hidden', 'CON', 'x'.repeat(255), '.gitops', 'a:b', '\u202egnp.exe',
] // prettier-ignore

test('every name that Git can hold arrives, is drift-checked, updated, rolled back and deleted', async ({ sandbox }) => {
  const files = (text: string): Record<string, string> =>
    Object.fromEntries(NAMES.flatMap((name) => [[`.claude/${name}`, text], [`.claude/dir ${name.slice(0, 200)}/${name}`, text]])) // prettier-ignore
  sandbox.commit(files('one'))
  sandbox.config()
  const first = await sandbox.gitops(['reconcile'])
  expect(first.code).toBe(0)
  expect(first.said).toContain(`${NAMES.length * 2} created`)
  const one = sandbox.tree(claude(sandbox))
  expect(Object.keys(one).filter((path) => !path.endsWith('/'))).toHaveLength(NAMES.length * 2)
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)

  for (const name of NAMES) unlinkSync(join(claude(sandbox), name))
  const healed = await sandbox.gitops(['reconcile'])
  expect(healed.said).toContain(`${NAMES.length} created; drift was healed`)
  expect(sandbox.tree(claude(sandbox))).toEqual(one)

  sandbox.commit(files('two'))
  expect((await sandbox.gitops(['reconcile'])).said).toContain(`${NAMES.length * 2} updated`)
  expect((await sandbox.gitops(['diff'])).code).toBe(0)
  const back = await sandbox.gitops(['rollback'])
  expect(back.said).not.toContain('left alone')
  expect(back.code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual(one)

  sandbox.git(sandbox.work, 'rm', '-rq', '.claude')
  sandbox.commit({ '.claude/last': 'last' })
  expect((await sandbox.gitops(['reconcile', '--allow-shrink'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ last: '644 last' })
})

test('empty files, binary files and deep paths arrive byte for byte', async ({ sandbox }) => {
  const binary = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256))
  const deep = `${'d'.repeat(60)}/`.repeat(40)
  sandbox.commit({
    '.claude/empty': '',
    '.claude/binary': binary,
    '.claude/crlf.txt': 'a\r\nb\r\n',
    [`.claude/${deep}file`]: 'deep',
    '.claude/.gitattributes': '* text=auto eol=crlf\n',
  })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(readFileSync(join(claude(sandbox), 'empty'))).toHaveLength(0)
  expect(readFileSync(join(claude(sandbox), 'binary')).equals(binary)).toBe(true)
  expect(readFileSync(join(claude(sandbox), `${deep}file`), 'utf8')).toBe('deep')
  expect(sandbox.git(sandbox.work, 'show', 'HEAD:.claude/crlf.txt')).toBe(sandbox.live('.claude/crlf.txt').trim())
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(existsSync(claude(sandbox))).toBe(false)
})

test('the application’s own files are never touched, neither their bytes nor their times', async ({ sandbox }) => {
  sandbox.write(sandbox.home, {
    '.claude/projects/x/session.jsonl': '{"a":1}\n',
    '.claude/history.jsonl': 'history',
    '.claude/.credentials.json': { text: '{"token":1}', mode: 0o600 },
    '.claude/hooks/theirs.sh': 'theirs',
    '.claude/link': { link: '/etc' },
  })
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', join(claude(sandbox), 'pipe')])
  const server = spawn(process.execPath, ['-e', `require('net').createServer().listen(process.argv[1], () => console.log('up'))`, join(claude(sandbox), 'socket')], { stdio: ['ignore', 'pipe', 'inherit'] }) // prettier-ignore
  try {
    await once(server.stdout, 'data')
    const theirs = [
      'projects/x/session.jsonl',
      'projects/x',
      'projects',
      'history.jsonl',
      '.credentials.json',
      'hooks/theirs.sh',
      'link',
      'pipe',
      'socket',
    ]
    for (const path of theirs.slice(0, 6)) utimesSync(join(claude(sandbox), path), 1_000_000, 1_000_000)
    const look = () =>
      theirs.map((path) => {
        const { mode, mtimeMs, ctimeMs, size, ino } = lstatSync(join(claude(sandbox), path))
        return { path, mode, mtimeMs, ctimeMs, size, ino }
      })
    const before = look()

    sandbox.commit({ '.claude/a': '1', '.claude/hooks/ours.sh': 'x', '.claude/empty/x': 'x' })
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'not bad', run: '! test -e ~/.claude/bad' }] },`))
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    sandbox.commit({ '.claude/a': '2', '.claude/hooks': null, '.claude/empty': null } as never)
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(existsSync(join(claude(sandbox), 'hooks/ours.sh'))).toBe(false)
    expect(existsSync(join(claude(sandbox), 'empty'))).toBe(false)
    sandbox.commit({ '.claude/bad': 'x' })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
    expect((await sandbox.gitops(['rollback'])).code).toBe(0)
    expect((await sandbox.gitops(['rollback'])).code).toBe(0)
    expect(look()).toEqual(before)
    expect(readdirSync(claude(sandbox)).toSorted()).toEqual([
      '.credentials.json',
      'history.jsonl',
      'hooks',
      'link',
      'pipe',
      'projects',
      'socket',
    ])
  } finally {
    server.kill()
  }
})

test('a directory of ours goes when it is empty, and stays while an application has files in it', async ({ sandbox }) => {
  sandbox.commit({ '.claude/keep': 'k', '.claude/one/a/x': 'x', '.claude/two/a/x': 'x' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/two/theirs': 'theirs' })
  sandbox.commit({ '.claude/one': null, '.claude/two': null })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ keep: '644 k', 'two/': 'directory', 'two/theirs': '644 theirs' })
})

test('a file becomes a directory and a directory becomes a file, also when its files are gone already', async ({ sandbox }) => {
  sandbox.commit({ '.claude/f': 'f', '.claude/d/e/x': 'x', '.claude/g/h/x': 'x', '.claude/l': { link: 'f' } })
  // A directory that was there before us is cleared for a file, too, when only ours was in it.
  mkdirSync(join(claude(sandbox), 'g/h'), { recursive: true })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  rmSync(join(claude(sandbox), 'g/h/x'))
  const before = sandbox.tree(claude(sandbox))
  sandbox.git(sandbox.work, 'rm', '-rq', '.claude')
  sandbox.commit({ '.claude/f/x': 'f', '.claude/d': 'd', '.claude/g': 'g', '.claude/l/x': 'l' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({
    'f/': 'directory',
    'f/x': '644 f',
    d: '644 d',
    g: '644 g',
    'l/': 'directory',
    'l/x': '644 l',
  })
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

/** How each kind of drift is told. */
const WORDS: Readonly<Record<string, string>> = {
  edited: 'edited',
  missing: 'gone',
  mode: 'permissions changed',
  type: 'replaced by something else',
}
const drifts: [string, string, (path: string, sandbox: Sandbox) => void][] = [
  ['edited', 'edited', (path, sandbox) => sandbox.write(path, { '../a': 'mine' })],
  ['deleted', 'missing', (path) => rmSync(path)],
  ['made executable', 'mode', (path) => chmodSync(path, 0o755)],
  ['replaced by an empty directory', 'type', (path) => (rmSync(path), mkdirSync(path))],
  ['replaced by a link', 'type', (path) => (rmSync(path), symlinkSync('elsewhere', path))],
]
test.for(drifts)(
  'a file of ours that was %s is found as %s, healed, and what was written by hand is kept',
  async ([, kind, drift], { sandbox }) => {
    sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'b' })
    sandbox.config()
    await sandbox.gitops(['reconcile'])
    const path = join(claude(sandbox), 'a')
    drift(path, sandbox)
    const seen = await sandbox.gitops(['status', '--json', '--exit-code'])
    expect(seen.code).toBe(3)
    expect((JSON.parse(seen.stdout) as { sources: { drift: unknown[] }[] }).sources[0]?.drift).toMatchObject([
      { path, kind, answer: 'heal', source: 'same' },
    ])
    const healed = await sandbox.gitops(['reconcile'])
    expect(healed.code).toBe(0)
    expect(healed.said).toContain(`${path}: ${WORDS[kind]} since it was applied`)
    expect(healed.said).toContain('drift was healed')
    expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 ours', b: '644 b' })
    if (kind === 'edited') expect(Object.values(sandbox.tree(join(sandbox.state, 'kept')))).toContain('600 mine')
  },
)

test('a file of ours that was replaced by a directory with files in it is left, and a sentence says what to do', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'b' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  rmSync(join(claude(sandbox), 'a'))
  sandbox.write(sandbox.home, { '.claude/a/mine': 'mine' })
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain('is a directory that holds "a/mine", which is not ours; move it away')
  expect(sandbox.live('.claude/a/mine')).toBe('mine')
})

test('what a smoke check itself writes into our files is put back by the same run, and said', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'ours' })
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `checks: { smoke: [{ name: 'careless', run: 'test -e ~/once || { touch ~/once; echo hers > ~/.claude/a; }' }] },`,
    ),
  )
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  expect(ran.said).toContain('changed while the checks ran, and is put back')
  expect(sandbox.live('.claude/a')).toBe('ours')
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
})

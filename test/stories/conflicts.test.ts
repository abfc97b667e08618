import { chmodSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Ran, type Sandbox } from '../support/sandbox.ts'

/** The default config with more in its one target. */
const target = (sandbox: Sandbox, more: string): string => `{
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { claude: { from: '.claude', to: '~/.claude', ${more} } },
}`
const claude = (sandbox: Sandbox, path = ''): string => join(sandbox.home, '.claude', path)

interface Source {
  readonly ready: boolean
  readonly summary: string
  readonly drift: readonly { readonly path: string; readonly kind: string | null; readonly answer: string; readonly source: string }[]
}

async function status(sandbox: Sandbox): Promise<Source & { code: number }> {
  const json = await sandbox.gitops(['status', '--json', '--exit-code'])
  const [source] = (JSON.parse(json.stdout) as { sources: Source[] }).sources
  return { ...(source as Source), code: json.code }
}

/** What the answers are, by path below the target. */
const told = (sandbox: Sandbox, { drift }: Source): string[] =>
  drift.map(({ path, kind, answer, source }) => `${path.slice(claude(sandbox).length)} ${kind} ${answer} ${source}`)

/** Everything that somebody can do to a file of ours. */
function meddle(sandbox: Sandbox): void {
  sandbox.write(sandbox.home, { '.claude/edited': 'mine', '.claude/type': { link: 'edited' } })
  rmSync(claude(sandbox, 'missing'))
  chmodSync(claude(sandbox, 'mode'), 0o755)
  rmSync(claude(sandbox, 'dir'))
  sandbox.write(sandbox.home, { '.claude/dir/mine': 'mine' })
}
const FIRST = { edited: '1', missing: '1', mode: '1', type: '1', dir: '1', plain: '1' }
const commit = (sandbox: Sandbox, files: Record<string, string>): string =>
  sandbox.commit(Object.fromEntries(Object.entries(files).map(([path, text]) => [`.claude/${path}`, text])))

test('with onDrift keep, what a person has made of a file stays, run after run, and the rest of a revision is applied', async ({
  sandbox,
}) => {
  commit(sandbox, FIRST)
  sandbox.config(target(sandbox, `onDrift: 'keep'`))
  await sandbox.gitops(['reconcile'])
  meddle(sandbox)
  const mine = sandbox.tree(claude(sandbox))
  const run = async (): Promise<Ran> => {
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code).toBe(0)
    return ran
  }
  expect((await run()).said).toContain('5 paths stay as somebody has left them')
  expect(sandbox.tree(claude(sandbox))).toEqual(mine)
  const kept = await status(sandbox)
  expect([kept.ready, kept.code]).toEqual([true, 0])
  expect(kept.summary).toBe('What is live matches Git, but 5 paths stay as somebody has left them')
  expect(told(sandbox, kept)).toEqual([
    '/dir type keep same',
    '/edited edited keep same',
    '/missing missing keep same',
    '/mode mode keep same',
    '/type type keep same',
  ])

  commit(sandbox, { ...FIRST, edited: '2', plain: '2', new: '2' })
  expect((await run()).said).toContain('1 created, 1 updated; 5 paths stay')
  expect(sandbox.tree(claude(sandbox))).toEqual({ ...mine, plain: '644 2', new: '644 2' })
  const behind = await status(sandbox)
  expect(told(sandbox, behind)).toContain('/edited edited keep changed')
  expect((await sandbox.gitops(['status'])).said).toContain('edited  edited  stays as it is; the source has another one by now')
  expect((await sandbox.gitops(['diff'])).said).toMatch(/edited {2}\(stays as it is.*\n@@ .*\n-mine\n.*\n?\+2/)
  const diff = await sandbox.gitops(['diff', '--json'])
  expect(diff.code).toBe(0)
  const { paths } = JSON.parse(diff.stdout) as { paths: { path: string }[] }
  expect(paths).toHaveLength(5)
  expect(paths.find(({ path }) => path === claude(sandbox, 'edited'))).toEqual({
    path: claude(sandbox, 'edited'),
    source: 'team',
    name: 'claude',
    kind: 'target',
    change: 'stay',
    drift: 'edited',
    answer: 'keep',
    wants: 'changed',
    stays: [],
    kept: false,
    reason: null,
  })

  // Whoever has the old version again gets the new one; whoever has the new one is in sync.
  sandbox.write(sandbox.home, { '.claude/edited': '1', '.claude/missing': '1' })
  expect((await run()).said).toContain('1 updated; 3 paths stay')
  expect(sandbox.live('.claude/edited')).toBe('2')

  sandbox.write(sandbox.home, { '.claude/edited': 'mine again' })
  const all = await sandbox.gitops(['reconcile', '--heal'])
  // A directory with a person's file in it is not replaced by any policy.
  expect(all.code).toBe(5)
  rmSync(claude(sandbox, 'dir'), { recursive: true })
  expect((await sandbox.gitops(['reconcile', '--heal'])).said).toContain('drift was healed')
  expect(sandbox.live('.claude/edited')).toBe('2')
  expect((await status(sandbox)).drift).toEqual([])
})

test('with onDrift keep, an edited file that leaves the source stays and is no longer ours', async ({ sandbox }) => {
  commit(sandbox, FIRST)
  sandbox.config(target(sandbox, `onDrift: 'keep'`))
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/edited': 'mine' })
  sandbox.commit({ '.claude/edited': null, '.claude/plain': null })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.said).toContain('stays as it is; the source has none any more, and it is no longer ours')
  expect([sandbox.live('.claude/edited'), existsSync(claude(sandbox, 'plain'))]).toEqual(['mine', false])
  const after = await sandbox.gitops(['reconcile'])
  expect(after.said).toContain('In sync')
  expect(after.said).not.toContain('stay')
})

test('with onDrift refuse, nothing of a source is touched until somebody has decided', async ({ sandbox }) => {
  commit(sandbox, FIRST)
  sandbox.config(target(sandbox, `onDrift: 'refuse'`))
  await sandbox.gitops(['reconcile'])
  meddle(sandbox)
  const mine = sandbox.tree(claude(sandbox))
  commit(sandbox, { ...FIRST, plain: '2' })
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  for (const what of ['edited was edited', 'missing was deleted', 'mode has other permissions', 'type was replaced by something else'])
    expect(refused.said).toContain(`${claude(sandbox, what)} since it was applied, and its onDrift is 'refuse'`)
  expect(sandbox.tree(claude(sandbox))).toEqual(mine)
  const now = await status(sandbox)
  expect([now.ready, now.code]).toEqual([false, 5])
  expect(told(sandbox, now)).toContain('/edited edited refuse same')
  const shown = (await sandbox.gitops(['status'])).stdout
  for (const words of ['edited  edited', 'missing  deleted', 'mode  other permissions', 'type  is a link now', 'dir  is a directory now'])
    expect(shown).toContain(`/${words}  refused until somebody decides`)
  rmSync(claude(sandbox, 'dir'), { recursive: true })
  const decided = await sandbox.gitops(['reconcile', '--heal'])
  expect([decided.code, sandbox.live('.claude/edited'), sandbox.live('.claude/plain')]).toEqual([0, '1', '2'])
})

test('while a path is refused, every other drift of its source is healed, nothing new is applied, and the run still exits 5', async ({
  sandbox,
}) => {
  commit(sandbox, { hook: '1', plain: '1', 'd/x': '1', 'd/y': '1', gone: '1' })
  sandbox.config(target(sandbox, `onDrift: { hook: 'refuse', 'd/x': 'refuse' }`))
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/hook': 'mine', '.claude/plain': 'mine', '.claude/d/x': 'mine', '.claude/d/y': 'mine' })
  rmSync(claude(sandbox, 'gone'))
  const before = await status(sandbox)
  expect(told(sandbox, before)).toEqual([
    '/d/x edited refuse same',
    '/d/y edited heal same',
    '/gone missing heal same',
    '/hook edited refuse same',
    '/plain edited heal same',
  ])
  const healed = { hook: '644 mine', plain: '644 1', 'd/x': '644 mine', 'd/y': '644 1', gone: '644 1' }
  const first = await sandbox.gitops(['reconcile'])
  expect([first.code, sandbox.tree(claude(sandbox))]).toMatchObject([5, healed])
  expect(first.said).toContain(`${claude(sandbox, 'hook')} was edited since it was applied, and its onDrift is 'refuse'`)
  expect(first.said).toContain('Drift was healed to what was applied last')

  commit(sandbox, { plain: '2', hook: '2' })
  sandbox.write(sandbox.home, { '.claude/plain': 'mine again' })
  expect([(await sandbox.gitops(['reconcile'])).code, sandbox.tree(claude(sandbox))]).toMatchObject([5, healed])
  // Still measured by what we wrote there: a second run has not taken it for ours.
  const inventory = readFileSync(join(sandbox.state, 'inventory.json'))
  const again = await sandbox.gitops(['reconcile'])
  expect([again.code, again.said.includes('healed')]).toEqual([5, false])
  expect(readFileSync(join(sandbox.state, 'inventory.json')).equals(inventory)).toBe(true)
  expect(told(sandbox, await status(sandbox))).toEqual(['/d/x edited refuse same', '/hook edited refuse same'])
  expect((await sandbox.gitops(['reconcile', '--heal'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toMatchObject({ hook: '644 2', plain: '644 2', 'd/x': '644 1' })
})

test('while the source does not answer, drift is healed but for the paths that are refused, and the run names them', async ({
  sandbox,
}) => {
  commit(sandbox, { hook: '1', plain: '1' })
  sandbox.config(target(sandbox, `onDrift: { hook: 'refuse' }`))
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/hook': 'mine', '.claude/plain': 'mine' })
  renameSync(sandbox.remote, `${sandbox.remote}.away`)
  const ran = await sandbox.gitops(['reconcile'])
  expect([ran.code, sandbox.tree(claude(sandbox))]).toMatchObject([1, { hook: '644 mine', plain: '644 1' }])
  expect(ran.said).toContain(`${claude(sandbox, 'hook')} was edited since it was applied, and its onDrift is 'refuse'`)
})

test('policies go by glob, and the last glob that matches decides', async ({ sandbox }) => {
  commit(sandbox, { 'a.md': '1', 'b/c.md': '1', 'b/d': '1' })
  sandbox.config(target(sandbox, `onDrift: { '**/*.md': 'keep', 'b/c.md': 'heal' }`))
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a.md': 'mine', '.claude/b/c.md': 'mine', '.claude/b/d': 'mine' })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('2 updated; 1 path stays as somebody has left it; drift was healed')
  expect(sandbox.tree(claude(sandbox))).toMatchObject({ 'a.md': '644 mine', 'b/c.md': '644 1', 'b/d': '644 1' })
})

test('what was there before us is left or refused where the config says so, without a word about the rest', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/theirs': 'before', '.claude/other': 'before', '.claude/d/x': 'before' })
  commit(sandbox, { theirs: '1', other: '1', d: '1', new: '1' })
  sandbox.config(target(sandbox, `adopt: { theirs: 'leave', d: 'leave', other: 'refuse' }`))
  const refused = await sandbox.gitops(['reconcile'])
  expect(refused.code).toBe(5)
  expect(refused.said).toContain(`${claude(sandbox, 'other')} is there already and differs, and its adopt is 'refuse'`)
  expect(existsSync(claude(sandbox, 'new'))).toBe(false)

  rmSync(claude(sandbox, 'other'))
  expect((await sandbox.gitops(['reconcile'])).said).toContain('2 created; 2 paths stay')
  expect(sandbox.tree(claude(sandbox))).toMatchObject({ theirs: '644 before', 'd/x': '644 before', other: '644 1' })
  const now = await status(sandbox)
  expect(now.ready).toBe(true)
  expect(told(sandbox, now)).toEqual(['/d null leave changed', '/theirs null leave changed'])
  // Not ours: it leaves the source, and stays.
  sandbox.commit({ '.claude/theirs': null })
  await sandbox.gitops(['reconcile'])
  expect(sandbox.live('.claude/theirs')).toBe('before')
})

test('a directory and a file that change places in the source respect what stays there', async ({ sandbox }) => {
  commit(sandbox, { p: '1', 'q/a': '1', 'q/b': '1', r: '1' })
  sandbox.config(target(sandbox, `onDrift: 'keep'`))
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/p': 'mine', '.claude/q/a': 'mine' })
  sandbox.commit({ '.claude/p': null, '.claude/q': null, '.claude/r': null })
  commit(sandbox, { 'p/x': '2', q: '2', 'r/y': '2' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toMatchObject({ p: '644 mine', 'q/a': '644 mine', 'r/y': '644 2' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  // Once they are out of the way the source has its will.
  rmSync(claude(sandbox, 'p'))
  rmSync(claude(sandbox, 'q'), { recursive: true })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ 'p/': 'directory', 'p/x': '644 2', q: '644 2', 'r/': 'directory', 'r/y': '644 2' })
})

test('what is newly excluded stays, and is no longer ours', async ({ sandbox }) => {
  commit(sandbox, { a: '1', 'd/b': '1', 'd/c': '1' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a': 'mine' })
  sandbox.config(target(sandbox, `exclude: ['a', 'd/b']`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 mine', 'd/': 'directory', 'd/b': '644 1', 'd/c': '644 1' })
  // Whatever becomes of it, and of the source, it is nothing to us.
  rmSync(claude(sandbox, 'd/b'))
  sandbox.commit({ '.claude/a': null })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
  expect(sandbox.live('.claude/a')).toBe('mine')
})

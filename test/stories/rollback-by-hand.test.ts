import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')

test('a rollback after first contact leaves the home as it was before us, and the revision is held', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/CLAUDE.md': 'mine', '.claude/projects/p': 'p' })
  const before = sandbox.tree(claude(sandbox))
  const commit = sandbox.commit({ '.claude/CLAUDE.md': 'ours', '.claude/a/b/c': 'new', '.claude/run': { text: 'x', mode: 0o755 } })
  sandbox.config()
  await sandbox.gitops(['reconcile'])

  const back = await sandbox.gitops(['rollback'])
  expect(back.code).toBe(0)
  expect(back.said).toContain('Rolled back: team, generation 1. What was there before us is back.')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)

  const held = await sandbox.gitops(['reconcile'])
  expect(held.code).toBe(5)
  expect(held.said).toContain('this revision was rolled back and is held')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  const status = await sandbox.gitops(['status', '--exit-code'])
  expect(status.code).toBe(5)
  expect(status.said).toContain(`${commit.slice(0, 7)} since`)
  expect(status.said).toContain('rolled back by hand')
})

test('a rollback after an update brings back old contents, deleted files and permissions, and takes new files away', async ({
  sandbox,
}) => {
  const first = sandbox.commit({
    '.claude/a': 'one',
    '.claude/d/b': 'b',
    '.claude/x': { text: 'x', mode: 0o755 },
    '.claude/l': { link: 'a' },
  })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const before = sandbox.tree(claude(sandbox))
  sandbox.git(sandbox.work, 'rm', '-rq', '.claude/d', '.claude/l')
  sandbox.commit({ '.claude/a': 'two', '.claude/x': { text: 'x', mode: 0o644 }, '.claude/new/n': 'n', '.claude/l': 'a file' })
  await sandbox.gitops(['reconcile'])
  expect(Object.keys(sandbox.tree(claude(sandbox))).toSorted()).toEqual(['a', 'l', 'new/', 'new/n', 'x'])

  const back = await sandbox.gitops(['rollback'])
  expect(back.said).toContain(`Live again: ${first.slice(0, 7)}`)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test('a second rollback goes one revision further back, and the newest revision stays held', async ({ sandbox }) => {
  sandbox.config()
  const states = [sandbox.tree(claude(sandbox))]
  for (const text of ['1', '2', '3']) {
    sandbox.commit({ '.claude/a': text, [`.claude/only-${text}`]: text })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    states.push(sandbox.tree(claude(sandbox)))
  }
  for (const state of states.slice(0, 3).toReversed()) {
    expect((await sandbox.gitops(['rollback'])).code).toBe(0)
    expect(sandbox.tree(claude(sandbox))).toEqual(state)
    const held = await sandbox.gitops(['reconcile'])
    expect(held.code).toBe(5)
    expect(sandbox.tree(claude(sandbox))).toEqual(state)
  }
  const none = await sandbox.gitops(['rollback'])
  expect(none.code).toBe(1)
  expect(none.said).toContain('there is no applied generation to roll back to')
  expect(existsSync(claude(sandbox))).toBe(false)
})

test('drift that was healed in between does not stand in the way of a rollback', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one', '.claude/d/b': 'b' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const before = sandbox.tree(claude(sandbox))
  sandbox.commit({ '.claude/a': 'two', '.claude/e/c': 'c' })
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  rmSync(join(claude(sandbox), 'd'), { recursive: true })
  rmSync(join(claude(sandbox), 'e'), { recursive: true })
  expect((await sandbox.gitops(['reconcile'])).said).toContain('drift was healed')
  const back = await sandbox.gitops(['rollback'])
  expect(back.code).toBe(0)
  expect(back.said).not.toContain('left alone')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test('while a revision is held, drift is healed to what was applied before it', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one', '.claude/b': 'b' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const before = sandbox.tree(claude(sandbox))
  sandbox.commit({ '.claude/a': 'two', '.claude/c': 'c' })
  await sandbox.gitops(['reconcile'])
  await sandbox.gitops(['rollback'])
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  rmSync(join(claude(sandbox), 'b'))
  const healed = await sandbox.gitops(['reconcile'])
  expect(healed.code).toBe(5)
  expect(healed.said).toContain('Drift was healed to what was applied last')
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test('files that somebody changed since are left, and named', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.claude/b': 'before us' })
  sandbox.commit({ '.claude/a': 'a', '.claude/b': 'b', '.claude/c': 'c', '.claude/d/e': 'e' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a': 'edited', '.claude/b': 'edited too', '.claude/d/mine': 'mine' })
  rmSync(join(claude(sandbox), 'c'))
  const back = await sandbox.gitops(['rollback'])
  expect(back.code).toBe(0)
  expect(back.said).toContain('left alone')
  for (const name of ['a', 'b']) expect(back.said).toContain(join(claude(sandbox), name))
  expect(back.said).not.toContain(join(claude(sandbox), 'd/e'))
  expect(sandbox.tree(claude(sandbox))).toEqual({ a: '644 edited', b: '644 edited too', 'd/': 'directory', 'd/mine': '644 mine' })
  // They are not ours any more, so the next runs leave them too.
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(sandbox.live('.claude/a')).toBe('edited')
})

test('retry applies a revision again that was rolled back by hand', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ '.claude/a': 'two' })
  await sandbox.gitops(['reconcile'])
  const applied = sandbox.tree(claude(sandbox))
  await sandbox.gitops(['rollback'])
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  const again = await sandbox.gitops(['retry'])
  expect(again.code).toBe(0)
  expect(again.said).toContain('Applied: team')
  expect(sandbox.tree(claude(sandbox))).toEqual(applied)
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
})

test('new content releases what was held; a commit that changes nothing we manage does not', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ '.claude/a': 'two' })
  await sandbox.gitops(['reconcile'])
  await sandbox.gitops(['rollback'])
  sandbox.commit({ 'README.md': 'nothing of ours' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(sandbox.live('.claude/a')).toBe('one')
  sandbox.commit({ '.claude/a': 'three' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/a')).toBe('three')
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
})

test('a rollback holds what is applied, also when the config has changed since the files did', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ '.claude/a': 'two' })
  await sandbox.gitops(['reconcile'])
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'new', run: 'true' }] },`))
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
  await sandbox.gitops(['rollback'])
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(sandbox.live('.claude/a')).toBe('one')
})

test('a revision that a check had refused stays held when an older one is rolled back by hand', async ({ sandbox }) => {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/a' }] },`))
  for (const text of ['one', 'two']) {
    sandbox.commit({ '.claude/a': text })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  }
  sandbox.commit({ '.claude/a': 'bad' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.live('.claude/a')).toBe('one')
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(sandbox.live('.claude/a')).toBe('one')
})

test('when a change of the config is what was rolled back, the held state is the one before that change', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'a', 'other/x': 'x', 'other/bad': 'bad' })
  const check = `checks: { smoke: [{ name: 'not bad', run: '! test -e ~/other/bad' }] }`
  const config = (targets: string): string =>
    `{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } }, targets: { ${targets} }, ${check} }`
  sandbox.config(config(`claude: { from: '.claude', to: '~/.claude' }`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.config(config(`claude: { from: '.claude', to: '~/.claude' }, other: { from: 'other', to: '~/other' }`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  expect(existsSync(join(sandbox.home, 'other'))).toBe(false)
  sandbox.write(sandbox.home, { '.claude/a': 'drift' })
  const held = await sandbox.gitops(['reconcile'])
  expect(held.code).toBe(5)
  expect(sandbox.live('.claude/a')).toBe('a')
  expect(existsSync(join(sandbox.home, 'other'))).toBe(false)
})

test('with several sources a rollback takes back the one that was applied last, and holds only that one', async ({ sandbox }) => {
  const second = join(sandbox.root, 'second.git')
  sandbox.git(sandbox.root, 'init', '-q', '--bare', '--initial-branch=main', second)
  const push = (): string => sandbox.git(sandbox.work, 'push', '-qf', second, 'HEAD')
  sandbox.config(`{
    name: 'story',
    sources: { one: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }, two: { repo: ${JSON.stringify(second)}, ref: 'main' } },
    targets: { a: { source: 'one', from: 'a', to: '~/a' }, b: { source: 'two', from: 'b', to: '~/b' } },
  }`)
  sandbox.commit({ 'a/x': '1', 'b/x': '1' })
  push()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ 'a/x': '2' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const back = await sandbox.gitops(['rollback'])
  expect(back.said).toContain('Rolled back: one')
  expect([sandbox.live('a/x'), sandbox.live('b/x')]).toEqual(['1', '1'])
  sandbox.commit({ 'b/x': '3' })
  push()
  const next = await sandbox.gitops(['reconcile'])
  expect(next.code).toBe(5)
  expect([sandbox.live('a/x'), sandbox.live('b/x')]).toEqual(['1', '3'])
})

test('a rollback needs neither the source nor the network', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.commit({ '.claude/a': 'two' })
  await sandbox.gitops(['reconcile'])
  rmSync(sandbox.remote, { recursive: true })
  rmSync(join(sandbox.state, 'sources'), { recursive: true })
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.live('.claude/a')).toBe('one')
})

/** The file of the kept copy with that text. */
function keptWith(sandbox: Sandbox, text: string): string {
  const all = Object.entries(sandbox.tree(join(sandbox.state, 'kept')))
  return join(sandbox.state, 'kept', all.find(([, known]) => known.endsWith(` ${text}`))?.[0] ?? 'missing')
}

test('a rollback for which a kept copy is missing or damaged changes nothing, and works once that is mended', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one', '.claude/b': 'one b' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const before = sandbox.tree(claude(sandbox))
  sandbox.commit({ '.claude/a': 'two', '.claude/b': 'two b' })
  await sandbox.gitops(['reconcile'])
  const after = sandbox.tree(claude(sandbox))
  const copy = keptWith(sandbox, 'one')
  for (const damage of [() => writeFileSync(copy, 'one, but damaged'), () => rmSync(copy)]) {
    damage()
    const refused = await sandbox.gitops(['rollback'])
    expect(refused.code).toBe(4)
    expect(refused.said).toContain(
      `generation 2 cannot be taken back: the copy of ${join(claude(sandbox), 'a')}, ${copy}, is missing or damaged`,
    )
    expect(sandbox.tree(claude(sandbox))).toEqual(after)
    expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
  }
  writeFileSync(copy, 'one')
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
})

test('when a revision is taken back and a kept copy is damaged by then, everything else comes back, and mending it finishes that', async ({
  sandbox,
}) => {
  const damage = 'for f in ~/.local/state/gitops/story/kept/*/*; do grep -qx one $f && echo damaged > $f; done; exit 1'
  sandbox.commit({ '.claude/a': 'one', '.claude/b': 'one b' })
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'vandal', run: 'grep -q one ~/.claude/a || { ${damage}; }' }] },`),
  )
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const before = sandbox.tree(claude(sandbox))
  sandbox.commit({ '.claude/a': 'two', '.claude/b': 'two b' })
  const stuck = await sandbox.gitops(['reconcile'])
  expect(stuck.code).toBe(4)
  expect(stuck.said).toContain('damaged')
  expect([sandbox.live('.claude/a'), sandbox.live('.claude/b')]).toEqual(['two', 'one b'])
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(4)
  writeFileSync(keptWith(sandbox, 'damaged\n'), 'one')
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(sandbox.tree(claude(sandbox))).toEqual(before)
  expect(readdirSync(sandbox.state)).not.toContain('journal.json')
})

test('before anything was applied there is nothing to roll back, and nothing happens', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config()
  sandbox.write(sandbox.home, { '.claude/a': 'one' })
  const none = await sandbox.gitops(['rollback'])
  expect(none.code).toBe(1)
  expect(none.said).toContain('there is no applied generation to roll back to\nNothing was changed.')
  await sandbox.gitops(['reconcile'])
  expect((await sandbox.gitops(['rollback'])).code).toBe(1)
  expect(sandbox.live('.claude/a')).toBe('one')
})

test('a rollback whose generation is missing or another one changes nothing', async ({ sandbox }) => {
  sandbox.config()
  for (const text of ['one', 'two', 'three']) {
    sandbox.commit({ '.claude/a': text, [`.claude/${text}`]: text })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  }
  const before = sandbox.tree(join(sandbox.home, '.claude'))
  const other = readFileSync(join(sandbox.state, 'generations/1.json'))
  for (const text of [other, '']) {
    sandbox.write(sandbox.state, { 'generations/3.json': text, 'copies/generations/3.json': text })
    const ran = await sandbox.gitops(['rollback'])
    expect(ran.code).toBe(4)
    expect(ran.said).toContain('generation 3, which is live, is missing or damaged')
    expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(before)
  }
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
})

test('a rollback over more revisions than are tried again one day holds all of them', { timeout: 120_000 }, async ({ sandbox }) => {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, 'history: { generations: 60 },'))
  for (let index = 1; index <= 22; index++) {
    sandbox.commit({ '.claude/a': `${index}` })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  }
  expect((await sandbox.gitops(['rollback', '1'])).code).toBe(0)
  const held = await sandbox.gitops(['reconcile'])
  expect([held.code, sandbox.live('.claude/a')], held.said).toEqual([5, '1'])
  // Also an older one of them, when the remote goes back to it.
  sandbox.commit({ '.claude/a': '2' })
  const older = await sandbox.gitops(['reconcile'])
  expect([older.code, sandbox.live('.claude/a')], older.said).toEqual([5, '1'])
})

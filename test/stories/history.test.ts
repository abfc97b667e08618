import { execFileSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const claude = (sandbox: Sandbox): string => join(sandbox.home, '.claude')
const NOT_BAD = `checks: { smoke: [{ name: 'not bad', run: '! grep -q bad ~/.claude/a' }] },`

interface Told {
  readonly generation: number
  readonly outcome: string
  readonly live: boolean
  readonly [key: string]: unknown
}

async function history(sandbox: Sandbox, ...args: string[]): Promise<readonly Told[]> {
  const ran = await sandbox.gitops(['history', '--json', ...args])
  expect(ran.code, ran.said).toBe(0)
  return (JSON.parse(ran.stdout) as { generations: Told[] }).generations
}

/** Three revisions, a healed drift, and a revision that its check takes back. */
async function five(sandbox: Sandbox): Promise<Record<string, string>[]> {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, NOT_BAD))
  const trees: Record<string, string>[] = []
  for (const text of ['one', 'two', 'three']) {
    sandbox.commit({ '.claude/a': text, [`.claude/${text}/file`]: text })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    trees.push(sandbox.tree(claude(sandbox)))
  }
  sandbox.write(sandbox.home, { '.claude/a': 'a person wrote this' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ '.claude/a': 'bad' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  return trees
}

test('history tells what was applied when, whose it was, what became of it, and which is live, in 100 columns', async ({ sandbox }) => {
  await five(sandbox)
  const { stdout, code } = await sandbox.gitops(['history'])
  expect(code).toBe(0)
  expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([])
  const commits = sandbox.git(sandbox.work, 'rev-list', '--reverse', 'HEAD').split('\n')
  const stable = commits.reduce((text, commit, index) => text.replaceAll(commit.slice(0, 7), `COMMIT${index + 1}`), stdout)
  await expect(stable.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'YYYY-MM-DD hh:mm')).toMatchFileSnapshot(
    join(import.meta.dirname, '../output/golden/history.txt'),
  )
  const all = await history(sandbox)
  expect(all.map(({ generation, outcome, live }) => [generation, outcome, live])).toEqual([
    [5, 'rolled-back', false],
    [4, 'applied', true],
    [3, 'applied', false],
    [2, 'applied', false],
    [1, 'applied', false],
  ])
  expect(all.map(({ restorable }) => restorable)).toEqual([false, true, true, true, true])
  expect(all[0]).toMatchObject({ source: 'team', revision: commits[3], why: 'revision', author: 'Story <story@example.org>', signer: null })
  expect(all[0]?.['reason']).toContain('check "not bad" failed')
  expect(all[1]).toMatchObject({ why: 'heal', targets: ['claude'], created: 0, updated: 1, deleted: 0 })
  const [copy] = (all[1]?.['kept'] ?? []) as { path: string; name: string }[]
  expect(copy?.path).toBe(join(claude(sandbox), 'a'))
  expect((await sandbox.gitops(['kept', copy?.name ?? ''])).stdout).toBe('a person wrote this')
  const list = (await sandbox.gitops(['kept'])).stdout
  expect(list).toBe(`${copy?.name}  4  ${String(all[1]?.['at'])}  ${copy?.path}\n`)
  expect((await sandbox.gitops(['kept', '--generation', '4'])).stdout).toBe(list)
  expect((await sandbox.gitops(['kept', '--generation', '3'])).stdout).toBe('')
  expect((await history(sandbox, '-n', '2')).map(({ generation }) => generation)).toEqual([5, 4])
  expect(await history(sandbox, '--target', 'none')).toEqual([])
  expect((await sandbox.gitops(['history', '-n', '0'])).code).toBe(2)
})

test('before anything was applied history says so and is no failure', async ({ sandbox }) => {
  sandbox.config()
  const none = await sandbox.gitops(['history'])
  expect([none.code, none.stdout]).toEqual([0, ''])
  expect(none.stderr).toContain('nothing was applied yet')
})

test('history names who signed a commit, and says when that key is not one that is trusted', async ({ sandbox }) => {
  const key = join(sandbox.root, 'signing')
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'jane', '-f', key])
  const sign = ['-c', 'gpg.format=ssh', '-c', `user.signingKey=${key}`]
  const commit = (text: string): void => {
    sandbox.write(sandbox.work, { '.claude/a': text })
    sandbox.git(sandbox.work, 'add', '-A')
    sandbox.git(sandbox.work, ...sign, 'commit', '-q', '-S', '-m', text)
    sandbox.git(sandbox.work, 'push', '-q', 'origin', 'HEAD')
  }
  commit('one')
  sandbox.config()
  sandbox.git(sandbox.home, 'config', '--global', 'gpg.ssh.allowedSignersFile', join(sandbox.home, 'signers'))
  writeFileSync(join(sandbox.home, 'signers'), '')
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const [algorithm = '', bits = ''] = execFileSync('cat', [`${key}.pub`], { encoding: 'utf8' }).split(' ')
  writeFileSync(join(sandbox.home, 'signers'), `jane@example.org ${algorithm} ${bits}\n`)
  commit('two')
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const [two, one] = await history(sandbox)
  expect(two?.['signer']).toBe('jane@example.org')
  expect(one?.['signer']).toMatch(/^SHA256:.+ \(not a trusted key\)$/)
})

test('rollback to a generation takes all later ones back at once, and their revisions are not applied again', async ({ sandbox }) => {
  const trees = await five(sandbox)
  const back = await sandbox.gitops(['rollback', '1'])
  expect(back.code, back.said).toBe(0)
  expect(back.said).toContain('Rolled back: team, generations 3, 2. Live again: ')
  expect(sandbox.tree(claude(sandbox))).toEqual(trees[0])
  expect((await history(sandbox)).map(({ generation, outcome, live, restorable }) => [generation, outcome, live, restorable])).toEqual([
    [5, 'rolled-back', false, false],
    [4, 'applied', false, false],
    [3, 'taken-back', false, false],
    [2, 'taken-back', false, false],
    [1, 'applied', true, true],
  ])
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(sandbox.tree(claude(sandbox))).toEqual(trees[0])
  const live = await sandbox.gitops(['rollback', '1'])
  expect([live.code, live.stdout]).toEqual([0, 'Generation 1 of team is live already. Nothing was changed.\n'])
  for (const [number, sentence] of [
    ['4', 'generation 4 is not applied any more'],
    ['3', 'generation 3 is not applied any more'],
    ['9', 'there is no generation 9 here'],
    ['x', '"x" is not the number of a generation'],
  ] as const) {
    const wrong = await sandbox.gitops(['rollback', number])
    expect(wrong.code).toBe(2)
    expect(wrong.said).toContain(sentence)
  }
  sandbox.commit({ '.claude/a': 'four' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/three/file')).toBe('three')
  expect((await sandbox.gitops(['rollback', '1'])).code).toBe(0)
  expect(sandbox.tree(claude(sandbox))).toEqual(trees[0])
})

test('a revision with the content of one that was taken back is not applied, but what is live again is not refused', async ({
  sandbox,
}) => {
  sandbox.config()
  const apply = async (text: string): Promise<number> => {
    sandbox.commit({ '.claude/a': text })
    return (await sandbox.gitops(['reconcile'])).code
  }
  for (const text of ['one', 'two', 'three', 'one']) expect(await apply(text)).toBe(0)
  expect((await sandbox.gitops(['rollback', '1'])).code).toBe(0)
  // The source asks for the very content that is live.
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  for (const text of ['two', 'three']) {
    expect(await apply(text)).toBe(5)
    expect(sandbox.live('.claude/a')).toBe('one')
  }
})

test('rollback to a generation changes nothing when one that would have to go too is lost', async ({ sandbox }) => {
  const trees = await five(sandbox)
  for (const directory of ['generations', 'copies/generations']) rmSync(join(sandbox.state, directory, '2.json'))
  const stuck = await sandbox.gitops(['rollback', '1'])
  expect(stuck.code).toBe(4)
  expect(stuck.said).toContain('generation 2, which would have to go too, is missing')
  expect(sandbox.tree(claude(sandbox))).toEqual(trees[2])
})

test('rollback of a source or a target takes back that source alone, whatever was applied last, and says what went with it', async ({
  sandbox,
}) => {
  const second = join(sandbox.root, 'second.git')
  sandbox.git(sandbox.root, 'init', '-q', '--bare', '--initial-branch=main', second)
  sandbox.config(`{
    name: 'story',
    sources: { one: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }, two: { repo: ${JSON.stringify(second)}, ref: 'main' } },
    targets: {
      a: { source: 'one', from: 'a', to: '~/a' },
      b: { source: 'one', from: 'b', to: '~/b' },
      c: { source: 'two', from: 'c', to: '~/c' },
    },
  }`)
  const state = (): string[] => ['a/x', 'b/x', 'c/x'].map((path) => sandbox.live(path))
  for (const text of ['1', '2']) {
    sandbox.commit({ 'a/x': text, 'b/x': text, 'c/x': text })
    sandbox.git(sandbox.work, 'push', '-qf', second, 'HEAD')
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  }
  const mixed = await sandbox.gitops(['rollback', '2', '--source', 'one'])
  expect([mixed.code, mixed.said.includes('generation 2 belongs to the source two, not to one')]).toEqual([2, true])
  const unknown = await sandbox.gitops(['rollback', '--target', 'nosuch'])
  expect([unknown.code, unknown.said.includes('there is no target "nosuch"\nKnown: a, b, c.')]).toEqual([2, true])
  expect(state()).toEqual(['2', '2', '2'])
  const back = await sandbox.gitops(['rollback', '--target', 'a'])
  expect(back.said).toContain('With a went back, from the same source: b.')
  expect(state()).toEqual(['1', '1', '2'])
  expect((await sandbox.gitops(['rollback', '--source', 'two'])).code).toBe(0)
  expect(state()).toEqual(['1', '1', '1'])
})

test('history shows a generation that a run is at, one that a killed run has left, and that the next run has undone it', async ({
  sandbox,
}) => {
  sandbox.commit({ '.claude/a': 'good' })
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `checks: { smoke: [{ name: 'slow', run: 'grep -q good ~/.claude/a || { touch ~/begun; sleep 30; }' }] },`,
    ),
  )
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ '.claude/a': 'hangs' })
  const run = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'begun'))) await sleep(20)
  expect((await history(sandbox))[0]).toMatchObject({ generation: 2, outcome: 'under-way', live: false, restorable: false, reason: null })
  run.kill('SIGKILL')
  await new Promise((done) => run.on('exit', done))
  expect((await history(sandbox))[0]).toMatchObject({ generation: 2, outcome: 'interrupted', live: false, restorable: false })
  expect((await sandbox.gitops(['history'])).stdout).toMatch(/^  2 .* interrupted/m)
  sandbox.commit({ '.claude/a': 'good again' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect((await history(sandbox)).map(({ generation, outcome }) => [generation, outcome])).toEqual([
    [3, 'applied'],
    [2, 'undone'],
    [1, 'applied'],
  ])
})

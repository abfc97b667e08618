import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

/** Name, generation, when, path. */
async function kept(sandbox: Sandbox, ...args: string[]): Promise<string[][]> {
  const ran = await sandbox.gitops(['kept', ...args])
  expect(ran.code, ran.said).toBe(0)
  return ran.stdout.split('\n').flatMap((line) => (line === '' ? [] : [line.split('  ')]))
}
const print = async (sandbox: Sandbox, name = ''): Promise<string> => (await sandbox.gitops(['kept', name])).stdout

test('what was there before us is listed and printed, also when the generations that replaced it are collected', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.write(sandbox.home, { '.claude/a': 'before us', '.claude/equal': 'equal', '.claude.json': '{"key":"their own","n":1}' })
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `history: { generations: 2 }, secrets: { account: { source: 'team', from: 'account.json.enc', to: '~/.claude.json', strategy: 'merge' } },`,
    ),
  )
  sandbox.commit({ 'account.json.enc': await sops(me, { key: 'ours' }) })
  for (const text of ['1', '2', '3', '4']) {
    sandbox.commit({ '.claude/a': text, '.claude/equal': 'equal' })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  }
  expect(existsSync(join(sandbox.state, 'generations/1.json'))).toBe(false)
  const list = await kept(sandbox, '--generation', '0')
  const paths = ['.claude/a', '.claude/equal', '.claude.json'].map((path) => join(sandbox.home, path))
  expect(list.map(([, ...rest]) => rest.join(' ')).toSorted()).toEqual(paths.map((path) => `0 before us ${path}`).toSorted())
  expect(await kept(sandbox)).toEqual(expect.arrayContaining(list))
  const texts = await Promise.all(paths.map((path) => print(sandbox, list.find(([, , , at]) => at === path)?.[0])))
  expect([texts[0], texts[1], JSON.parse(texts[2] ?? '')]).toEqual(['before us', 'equal', { '/key': 'their own' }])
})

test('what an uninstall has left is listed by kept, and what is not there is not promised', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a': '1' })
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a': 'a person wrote this' })
  await sandbox.gitops(['reconcile'])
  const [before] = await kept(sandbox)
  expect((await sandbox.gitops(['uninstall', '--yes'])).stdout).toContain('The audit trail stays: ')
  const [after, ...more] = await kept(sandbox)
  expect([after?.[0], after?.[1], after?.[3], more]).toEqual([before?.[0], '-', join(sandbox.home, '.claude/a'), []])
  expect(await print(sandbox, after?.[0])).toBe('a person wrote this')

  // Leaving once more, and all that a new installation collects, leaves it in peace.
  await sandbox.gitops(['uninstall', '--yes'])
  expect(await print(sandbox, after?.[0])).toBe('a person wrote this')
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, 'history: { generations: 2 },'))
  for (const text of ['2', '3', '4', '5']) {
    sandbox.commit({ '.claude/a': text })
    await sandbox.gitops(['reconcile'])
  }
  expect(await kept(sandbox)).toContainEqual(after)
  expect(await print(sandbox, after?.[0])).toBe('a person wrote this')

  expect((await sandbox.gitops(['uninstall', '--yes', '--purge'])).code).toBe(0)
  rmSync(join(sandbox.state, 'kept.txt'), { force: true })
  expect((await sandbox.gitops(['uninstall', '--yes'])).stdout).not.toContain('The audit trail stays')
  expect(await kept(sandbox)).toEqual([])
})

test('kept with a file to write to and no name of a copy is told what to say', async ({ sandbox }) => {
  sandbox.config()
  const ran = await sandbox.gitops(['kept', '-o', 'out'])
  expect([ran.code, ran.stdout]).toEqual([2, ''])
  expect(ran.stderr).toContain('gitops kept NAME -o FILE')
})

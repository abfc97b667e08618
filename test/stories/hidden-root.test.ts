import { renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'

async function done(sandbox: Sandbox, ...args: string[]): Promise<string> {
  const ran = await sandbox.gitops(args)
  expect(ran.code, ran.said).toBe(0)
  return ran.said
}

test('a target that is a link to another place for a while is ours again when it is back, and the other place is as it was', async ({
  sandbox,
}) => {
  const [live, aside] = [join(sandbox.home, '.claude'), join(sandbox.home, 'aside')]
  sandbox.write(sandbox.home, { 'elsewhere/f0': 'theirs', '.claude/f2': 'before us' })
  const elsewhere = join(sandbox.home, 'elsewhere')
  const before = sandbox.tree(elsewhere)
  sandbox.config()
  sandbox.commit({ '.claude/f0': 'one', '.claude/f1': 'one', '.claude/f2': 'one' })
  await done(sandbox, 'reconcile')
  renameSync(live, aside)
  symlinkSync('elsewhere', live)
  sandbox.commit({ '.claude/f1': null })
  sandbox.commit({ '.claude/f0': 'two' })
  await done(sandbox, 'reconcile')
  expect(sandbox.live('elsewhere/f0')).toBe('two')
  expect(await done(sandbox, 'status')).toMatch(/hidden +\S+\/\.claude {2}is a link or a file now/)
  const refused = await sandbox.gitops(['uninstall', '--yes'])
  expect(refused.code).not.toBe(0)
  expect(refused.said).toContain('what we wrote cannot be taken away')

  unlinkSync(live)
  renameSync(aside, live)
  await done(sandbox, 'reconcile')
  expect(await done(sandbox, 'status')).not.toContain('hidden')
  expect(sandbox.tree(live)).toEqual({ f0: '644 two', f2: '644 one' })
  expect(sandbox.tree(elsewhere)).toEqual(before)
  await done(sandbox, 'uninstall', '--yes')
  expect(sandbox.tree(live)).toEqual({ f2: '644 before us' })
})

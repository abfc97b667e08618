import { chownSync, lstatSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'

const isRoot = process.getuid?.() === 0

test.skipIf(!isRoot)(
  'root gives what comes back to whom it belonged, after a rollback as well as when we leave (only root can give files away)',
  async ({ sandbox }) => {
    const file = join(sandbox.home, '.claude/a')
    const owner = (): number[] => [lstatSync(file).uid, lstatSync(file).gid]
    sandbox.write(sandbox.home, { '.claude/a': 'theirs' })
    chownSync(file, 1234, 1235)
    sandbox.commit({ '.claude/a': 'one', '.claude/b': 'one' })
    sandbox.config()
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect([sandbox.live('.claude/a'), ...owner()]).toEqual(['one', 1234, 1235])
    sandbox.commit({ '.claude/a': null })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect((await sandbox.gitops(['rollback'])).code).toBe(0)
    expect([sandbox.live('.claude/a'), ...owner()]).toEqual(['one', 1234, 1235])
    rmSync(file)
    expect((await sandbox.gitops(['uninstall', '--yes'])).code).toBe(0)
    expect([sandbox.live('.claude/a'), ...owner()]).toEqual(['theirs', 1234, 1235])
  },
)

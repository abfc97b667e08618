import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'

// The five principles of GitOps, each as a user meets it.

test('declarative: a config and a tree say what is wanted, in whatever order things were before', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{"a":1}\n', '.claude/agents/reviewer.md': 'review\n' })
  sandbox.config()
  const wanted = { 'settings.json': '644 {"a":1}\n', 'agents/': 'directory', 'agents/reviewer.md': '644 review\n' }

  // From nothing, from an edit, from a loss: the same end, without a word about how.
  for (const disturb of [
    () => {},
    () => sandbox.write(sandbox.home, { '.claude/agents/reviewer.md': 'mine\n' }),
    () => rmSync(join(sandbox.home, '.claude'), { recursive: true }),
  ]) {
    disturb()
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(wanted)
  }
})

test('versioned: every change is a commit, and going back is a commit too', async ({ sandbox }) => {
  const first = sandbox.commit({ '.claude/CLAUDE.md': 'one\n' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).said).toContain(first.slice(0, 7))
  const second = sandbox.commit({ '.claude/CLAUDE.md': 'two\n' })
  expect((await sandbox.gitops(['reconcile'])).said).toContain(second.slice(0, 7))
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('two\n')

  sandbox.git(sandbox.work, 'revert', '--no-edit', 'HEAD')
  sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'HEAD')
  const reverted = sandbox.git(sandbox.work, 'rev-parse', 'HEAD')
  expect((await sandbox.gitops(['reconcile'])).said).toContain(`Applied: team ${reverted.slice(0, 7)}`)
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('one\n')
  const status = JSON.parse((await sandbox.gitops(['status', '--json'])).stdout) as { sources: { applied: { commit: string } }[] }
  expect(status.sources[0]?.applied.commit).toBe(reverted)
})

test('immutable: what a commit means never changes, and the repository is never written to', async ({ sandbox }) => {
  const pinned = sandbox.commit({ '.claude/CLAUDE.md': 'one\n' })
  sandbox.git(sandbox.work, 'tag', 'v1')
  sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'v1')
  sandbox.commit({ '.claude/CLAUDE.md': 'two\n' })
  const before = sandbox.tree(sandbox.remote)
  sandbox.config(`{
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: '${pinned}' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
}`)

  for (let runs = 0; runs < 2; runs++) {
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(sandbox.live('.claude/CLAUDE.md')).toBe('one\n')
    sandbox.write(sandbox.home, { '.claude/CLAUDE.md': 'edited here\n' })
  }
  expect(sandbox.tree(sandbox.remote)).toEqual(before)
})

test('pulled: the machine asks the source; a push reaches it by itself at the next run, and nothing before', async ({ sandbox }) => {
  sandbox.commit({ '.claude/CLAUDE.md': 'one\n' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const pushed = sandbox.commit({ '.claude/CLAUDE.md': 'two\n' })
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('one\n')

  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.said).toContain(`main is ${pushed.slice(0, 7)}`)
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('two\n')
  // The remote knows nothing of this machine: no ref, no hook, no file of ours.
  expect(sandbox.git(sandbox.remote, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main')
})

test('reconciled: drift comes back to what is wanted without a commit, and the application keeps what is its own', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{"a":1}\n', '.claude/hooks/x.sh': { text: '#!/bin/sh\n', mode: 0o755 } })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  const wanted = sandbox.tree(join(sandbox.home, '.claude'))
  sandbox.write(sandbox.home, {
    '.claude/settings.json': '{"a":2}\n',
    '.claude/hooks/x.sh': { text: '#!/bin/sh\n', mode: 0o644 },
    '.claude/history.jsonl': 'theirs\n',
  })

  const found = await sandbox.gitops(['status', '--exit-code'])
  expect(found.code).toBe(3)
  expect(found.said).toContain('settings.json  edited')
  expect(found.said).toContain('hooks/x.sh  other permissions')
  expect((await sandbox.gitops(['reconcile'])).said).toContain('drift was healed')
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual({ ...wanted, 'history.jsonl': '644 theirs\n' })
  expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
})

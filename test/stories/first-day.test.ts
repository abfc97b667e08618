import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test } from '../support/sandbox.ts'

test('a first reconcile brings the files, a second one has nothing to do', async ({ sandbox }) => {
  const commit = sandbox.commit({
    '.claude/settings.json': '{"a":1}\n',
    '.claude/hooks/x.sh': { text: '#!/bin/sh\n', mode: 0o755 },
    'README.md': 'not managed',
  })
  sandbox.config()

  const first = await sandbox.gitops(['reconcile'])
  expect(first.said).toContain(`Applied: team ${commit.slice(0, 7)}, 2 created.`)
  expect(first.code).toBe(0)
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual({
    'settings.json': '644 {"a":1}\n',
    'hooks/': 'directory',
    'hooks/x.sh': '755 #!/bin/sh\n',
  })

  const second = await sandbox.gitops(['reconcile'])
  expect(second.said).toContain(`In sync: team ${commit.slice(0, 7)}.`)
  expect(second.code).toBe(0)
})

test('drift is healed without a new commit, and what was there is kept', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{"a":1}\n', '.claude/CLAUDE.md': 'rules\n' })
  sandbox.config()
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/CLAUDE.md': 'mine\n' })

  const healed = await sandbox.gitops(['reconcile'])
  expect(healed.said).toContain('CLAUDE.md: edited since it was applied')
  expect(healed.said).toContain('1 updated; drift was healed')
  expect(sandbox.live('.claude/CLAUDE.md')).toBe('rules\n')
})

test('a failing smoke check rolls everything back, and the next run does not apply the revision again', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{"good":true}\n' })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'good', run: 'grep -q good ~/.claude/settings.json' }] },`))
  await sandbox.gitops(['reconcile'])
  const before = sandbox.tree(join(sandbox.home, '.claude'))
  const bad = sandbox.commit({ '.claude/settings.json': '{"bad":true}\n', '.claude/new.md': 'new\n' })

  const failed = await sandbox.gitops(['reconcile'])
  expect(failed.code).toBe(6)
  expect(failed.said).toContain(`Rolled back: team ${bad.slice(0, 7)}`)
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(before)

  const again = await sandbox.gitops(['reconcile'])
  expect(again.code).toBe(5)
  expect(again.said).toContain('was rolled back and is tried again in')
  expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(before)
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)

  sandbox.commit({ '.claude/settings.json': '{"good":2}\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/new.md')).toBe('new\n')
})

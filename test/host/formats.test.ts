import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { FORMAT } from '../../lib/host/migrate.ts'
import { withOldState } from '../support/old-state.ts'
import { test } from '../support/sandbox.ts'

const formatOf = (path: string): unknown => (JSON.parse(readFileSync(path, 'utf8')) as { format: number }).format

test(
  'a state of format 1 is taken over with all that it knows: what is owned, held, kept and applied',
  { timeout: 90_000 },
  async ({ sandbox }) => {
    await withOldState(1, 'held', async ({ home, site, state, remote }) => {
      const run = (...args: string[]) => sandbox.gitops(args, { cwd: site, env: { HOME: home } })
      const before = sandbox.tree(join(home, '.claude'))
      const status = JSON.parse((await run('status', '--json')).stdout) as object
      expect(JSON.stringify(status)).toContain('34c2e75eece62f8847e6b1dbd8f72595fd696589')

      // Held by format 1, held by ours; what has drifted is healed without the revision.
      sandbox.write(home, { '.claude/c.md': 'drift\n' })
      const held = await run('reconcile')
      expect([held.code, held.said]).toEqual([5, expect.stringContaining('held')])
      expect(sandbox.tree(join(home, '.claude'))).toEqual(before)
      expect(formatOf(join(state, 'inventory.json'))).toBe(FORMAT)
      expect(formatOf(join(state, 'generations/1.json'))).toBe(1)

      // It is known what was there before us.
      sandbox.write(site, {
        'gitops.config.js': `export default { name: 'story', sources: { team: { repo: '${remote}', ref: 'main' } } }\n`,
      })
      const gone = await run('reconcile')
      expect(gone.code, gone.said).toBe(0)
      expect(sandbox.tree(join(home, '.claude'))).toEqual({
        'history.jsonl': '644 typed\n',
        'notes.md': '644 a note that a person wrote\n',
      })
      expect(sandbox.tree(join(home, '.app'))).toEqual({
        'token.json': '600 {"token":"from before"}\n',
        'app.json': '600 {\n  "theirs": 1,\n  "servers": { "a": "from before" }\n}\n',
      })
      expect(readdirSync(state).filter((name) => name.includes('damaged'))).toEqual([])
    })
  },
)

test('what a run of format 1 left half done when it was killed is undone by ours', { timeout: 90_000 }, async ({ sandbox }) => {
  await withOldState(1, 'killed', async ({ home, site, state, remote }) => {
    const run = (...args: string[]) => sandbox.gitops(args, { cwd: site, env: { HOME: home } })
    expect(readFileSync(join(home, '.claude/a.md'), 'utf8')).toBe('kill\n')
    // The revision that killed it is gone from the source.
    sandbox.git(remote, 'update-ref', 'refs/heads/main', 'main~2')
    const ran = await run('reconcile')
    expect(ran.said).toContain('generation 5 of team was half done and is undone')
    expect(ran.code, ran.said).toBe(0)
    expect(sandbox.tree(join(home, '.claude'))).toMatchObject({ 'a.md': '644 three\n', 'c.md': '644 c\n' })
    expect(existsSync(join(home, '.claude/d.md'))).toBe(false)
    expect(readFileSync(join(home, '.app/token.json'), 'utf8')).toContain('the second token')
    expect(existsSync(join(state, 'journal.json'))).toBe(false)
  })
})

test('a state file of a newer gitops is refused with one sentence, whichever it is, and nothing is touched', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  await sandbox.gitops(['reconcile'])
  sandbox.write(sandbox.home, { '.claude/a.md': 'drift\n' })
  for (const name of ['inventory.json', 'status.json', 'identity.json', 'journal.json', 'generations/1.json']) {
    const path = join(sandbox.state, name)
    const text = existsSync(path) ? readFileSync(path, 'utf8') : null
    sandbox.write(sandbox.state, { [name]: `{"format":${FORMAT + 1},"news":true}` })
    const before = sandbox.tree(sandbox.state)
    for (const command of name.startsWith('gen') ? ['rollback'] : ['reconcile', 'rollback', 'retry', 'status']) {
      const ran = await sandbox.gitops([command])
      expect([name, command, ran.code, ran.said]).toEqual([
        name,
        command,
        4,
        expect.stringContaining(`a newer gitops (format ${FORMAT + 1}, this one knows ${FORMAT})`),
      ])
    }
    expect(sandbox.tree(sandbox.state)).toEqual(before)
    expect(sandbox.live('.claude/a.md')).toBe('drift\n')
    sandbox.write(sandbox.state, { [name]: text ?? '' })
    if (text === null) sandbox.write(sandbox.state, { [name]: '{"format":1,"open":[]}' })
  }
})

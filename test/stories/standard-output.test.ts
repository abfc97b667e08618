import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { expect } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

/** Runs a command line of sh in which `gitops` is the built one. */
function shell(sandbox: Sandbox, line: string): { status: number | null; stdout: string; stderr: string } {
  const text = `gitops() { '${process.execPath}' '${CLI}' "$@"; }; ${line}`
  return spawnSync('sh', ['-c', text], { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' })
}

test('what cannot be printed, because there is no room for it, is told, and the exit code says so', async ({ sandbox, skip }) => {
  skip(!existsSync('/dev/full'), 'there is no /dev/full here')
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({ '.claude/a.md': 'one' })
  sandbox.config()
  sandbox.write(sandbox.site, { 'a.json': await sops(me, { a: 's3cret' }), 'b.json': '{"b": 1}', '.sops.yaml': rules(me.recipient) })
  for (const line of [
    'reconcile --json',
    'reconcile',
    'status --json',
    'audit --json',
    'decrypt a.json',
    'get a.json /a',
    'git-diff a.json',
    'filestatus a.json',
    'why a.json',
    'rotate a.json',
    'encrypt b.json',
    '--help',
  ]) {
    const { status, stderr } = shell(sandbox, `gitops ${line} > /dev/full`)
    expect([line, status, stderr]).toEqual([line, 1, expect.stringContaining('gitops: standard output cannot be written: ENOSPC\n')])
    expect(stderr, line).not.toContain('bug')
  }
  // The run itself was not given up.
  expect(sandbox.live('.claude/a.md')).toBe('one')
})

const rules = (recipient: string): string => `creation_rules:\n  - age: ${recipient}\n`

test('a reader that has seen enough is no failure', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const many = Object.fromEntries(Array.from({ length: 4000 }, (_, index) => [`key${index}`, 'x'.repeat(40)]))
  sandbox.write(sandbox.site, { 'a.json': await sops(me, many) })
  const { stdout, stderr } = shell(
    sandbox,
    '{ gitops decrypt a.json; echo "code $?" >&2; } | head -n 1; { gitops decrypt a.json; echo "code $?" >&2; } | true',
  )
  expect([stdout, stderr]).toEqual(['{\n', 'code 0\ncode 0\n'])
})

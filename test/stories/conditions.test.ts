import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

interface Told {
  readonly name: string
  readonly lastApplied: { readonly commit: string } | null
  readonly lastAttempted: { readonly commit: string; readonly outcome: string } | null
  readonly refused: readonly { readonly commit: string }[]
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly since: string }[]
}

const path = (sandbox: Sandbox): string => join(sandbox.state, 'conditions.json')

function told(sandbox: Sandbox): Told {
  const file = JSON.parse(readFileSync(path(sandbox), 'utf8')) as { kind: string; name: string; sources: Told[] }
  expect(file).toMatchObject({ kind: 'conditions', name: 'story' })
  return file.sources[0] as Told
}

const brief = ({ conditions }: Told): string[] => conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`)

test('a file tells other tools what is applied, what was attempted, what is refused and since when, and is written when that changes', async ({
  sandbox,
}) => {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/a' }] }`))
  const good = sandbox.commit({ '.claude/a': 'good' })
  await sandbox.gitops(['reconcile'])
  expect(brief(told(sandbox))).toEqual(['Ready=True Applied', 'Reconciling=False None', 'Stalled=False None'])
  await sandbox.gitops(['reconcile'])
  expect(brief(told(sandbox))[0]).toBe('Ready=True InSync')
  const before = statSync(path(sandbox)).ino
  await sandbox.gitops(['reconcile'])
  await sandbox.gitops(['reconcile', '--dry-run'])
  expect(statSync(path(sandbox)).ino).toBe(before)

  const bad = sandbox.commit({ '.claude/a': 'bad' })
  await sandbox.gitops(['reconcile'])
  const first = told(sandbox)
  expect(brief(first)).toEqual(['Ready=False RolledBack', 'Reconciling=True BackingOff', 'Stalled=False None'])
  expect(first).toMatchObject({
    name: 'team',
    lastApplied: { commit: good },
    lastAttempted: { commit: bad, outcome: 'rolled-back' },
    refused: [{ commit: bad }],
  })
  await sandbox.gitops(['reconcile'])
  const second = told(sandbox)
  expect(second.conditions).toEqual(first.conditions)
  expect(second.lastAttempted).toMatchObject({ commit: bad, outcome: 'refused' })
  const { stdout } = await sandbox.gitops(['status', '--json'])
  expect((JSON.parse(stdout) as { sources: Told[] }).sources[0]?.conditions).toEqual(first.conditions)
})

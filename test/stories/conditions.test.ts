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

async function both(sandbox: Sandbox): Promise<string[]> {
  const { stdout } = await sandbox.gitops(['status', '--json'])
  const [now] = (JSON.parse(stdout) as { sources: (Told & { ready: boolean })[] }).sources
  expect(brief(now as Told)).toEqual(brief(told(sandbox)))
  expect(now?.ready).toBe(brief(now as Told)[0]?.startsWith('Ready=True'))
  return brief(now as Told)
}

test('the file and status tell the same after a rollback by hand, a suspension and a pin, and never that what was taken back is ready', async ({
  sandbox,
}) => {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote))
  const one = sandbox.commit({ '.claude/a': 'one' })
  await sandbox.gitops(['reconcile'])
  await sandbox.gitops(['suspend'])
  expect(await both(sandbox)).toEqual(['Ready=False Suspended', 'Reconciling=False None', 'Stalled=True Suspended'])
  await sandbox.gitops(['resume'])
  expect(await both(sandbox)).toEqual(['Ready=True Applied', 'Reconciling=False None', 'Stalled=False None'])
  sandbox.commit({ '.claude/a': 'two' })
  await sandbox.gitops(['reconcile'])
  await sandbox.gitops(['pin', one])
  expect((await both(sandbox))[0]).toBe('Ready=False OutOfSync')
  await sandbox.gitops(['unpin'])
  expect((await both(sandbox))[0]).toBe('Ready=True Applied')
  await sandbox.gitops(['rollback'])
  expect(told(sandbox)).toMatchObject({ lastApplied: { commit: one } })
  expect(await both(sandbox)).toEqual(['Ready=False RolledBack', 'Reconciling=False None', 'Stalled=True RolledBackByHand'])
  await sandbox.gitops(['rollback', '--to', 'original'])
  expect(told(sandbox).lastApplied).toBe(null)
  expect((await both(sandbox))[0]).toBe('Ready=False RolledBack')
})

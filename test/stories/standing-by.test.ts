import { readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'
import { forget, member, sops, trust } from '../support/sops.ts'

interface Line {
  readonly outcome: string
  readonly reason: string
  readonly message: string
  readonly targets: readonly { readonly created: number; readonly updated: number; readonly deleted: number }[]
}

async function reconcile(sandbox: Sandbox, code: number): Promise<Line> {
  const ran = await sandbox.gitops(['reconcile', '--json'])
  expect(ran.code, ran.said).toBe(code)
  return JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as Line
}

async function begun(sandbox: Sandbox, more = ''): Promise<void> {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, more))
  sandbox.commit({ '.claude/a.json': '{"a":1}\n', '.claude/b': 'b' })
  await reconcile(sandbox, 0)
}

/** A file edited and one gone. */
function drift(sandbox: Sandbox): void {
  sandbox.write(sandbox.home, { '.claude/a.json': 'edited' })
  rmSync(join(sandbox.home, '.claude/b'))
}

const applied = (sandbox: Sandbox): void => expect([sandbox.live('.claude/a.json'), sandbox.live('.claude/b')]).toEqual(['{"a":1}\n', 'b'])

const types = (sandbox: Sandbox): unknown[] =>
  readFileSync(join(sandbox.state, 'audit.log'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { change_type: string }).change_type)

test('while the source cannot be reached, drift is healed to what was applied last, and the run still fails', async ({ sandbox }) => {
  await begun(sandbox)
  renameSync(sandbox.remote, `${sandbox.remote}.away`)
  drift(sandbox)
  const first = await reconcile(sandbox, 1)
  expect(first).toMatchObject({ outcome: 'failed', reason: 'FetchFailed', targets: [{ created: 1, updated: 1, deleted: 0 }] })
  expect(first.message).toContain('Drift was healed to what was applied last')
  applied(sandbox)
  expect(types(sandbox)).toEqual(['applied', 'healed', 'failed'])

  const again = await reconcile(sandbox, 1)
  expect(again.message).not.toContain('healed')
  expect(again.targets).toEqual([expect.objectContaining({ created: 0, updated: 0, deleted: 0 })])
  renameSync(`${sandbox.remote}.away`, sandbox.remote)
  expect(await reconcile(sandbox, 0)).toMatchObject({ outcome: 'in-sync' })
})

test('while a revision is refused before anything is written, drift is healed, and nothing of the revision is applied', async ({
  sandbox,
}) => {
  await begun(sandbox, `checks: { validate: [{ name: 'strict', run: '! grep -q bad "$GITOPS_STAGE/claude/b"' }] }`)
  for (const [files, reason] of [
    [{ '.claude/a.json': '{"broken"', '.claude/new': 'new' }, 'ValidationFailed'],
    [{ '.claude/a.json': '{"a":2}', '.claude/b': 'bad', '.claude/new': 'new' }, 'ValidationFailed'],
    [{ '.claude/b': 'c', '.claude/out': { link: '../../etc' }, '.claude/new': 'new' }, 'Hostile'],
  ] as const) {
    sandbox.commit(files)
    drift(sandbox)
    const ran = await reconcile(sandbox, 5)
    expect(ran).toMatchObject({ outcome: 'refused', reason, targets: [{ created: 1, updated: 1, deleted: 0 }] })
    applied(sandbox)
    expect(Object.keys(sandbox.tree(join(sandbox.home, '.claude'))).toSorted()).toEqual(['a.json', 'b'])
    // What was not done is not counted.
    expect((await reconcile(sandbox, 5)).targets).toEqual([expect.objectContaining({ created: 0, updated: 0, deleted: 0 })])
  }
})

test('a revision whose secret this machine cannot decrypt does not keep drift from being healed, the secret included', async ({
  sandbox,
}) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({ s: await sops(me, { token: 'one' }) })
  await begun(sandbox, `secrets: { s: { from: 's', to: '~/.token' } }`)
  const token = sandbox.live('.token')
  forget(sandbox)
  sandbox.commit({ s: await sops(me, { token: 'two' }), '.claude/b': 'newer' })
  drift(sandbox)
  sandbox.write(sandbox.home, { '.token': 'edited' })
  expect(await reconcile(sandbox, 1)).toMatchObject({ outcome: 'failed', reason: 'EnvironmentFailed' })
  applied(sandbox)
  expect(sandbox.live('.token')).toBe(token)
})

test('a path that somebody has to decide about does not keep other drift from being healed', async ({ sandbox }) => {
  await begun(sandbox)
  sandbox.write(sandbox.home, { '.claude/c/mine': 'mine' })
  sandbox.commit({ '.claude/c': 'a file of ours', '.claude/b': 'newer' })
  drift(sandbox)
  const { said } = await sandbox.gitops(['diff'])
  expect(said).toContain('refused: is a directory that holds "c/mine"')
  expect(said).toMatch(/claude\/a\.json.*edited[^]*Drift would be healed to what was applied last/)
  expect(await reconcile(sandbox, 5)).toMatchObject({ reason: 'Conflict' })
  applied(sandbox)
  expect(sandbox.live('.claude/c/mine')).toBe('mine')
})

test('a document that does not parse is named by place everywhere, and keeps no other drift from being healed', async ({ sandbox }) => {
  sandbox.config(`{ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
    targets: { claude: { from: '.claude', to: '~/.claude', documents: { 'doc.json': 'merge' } } } }`)
  sandbox.commit({ '.claude/a.json': '{"a":1}\n', '.claude/b': 'b', '.claude/doc.json': '{"ours":1}' })
  await reconcile(sandbox, 0)
  const broken = '{"ours":2,\n "theirs": half a wo'
  for (const news of [{}, { '.claude/new': 'new', '.claude/doc.json': '{"ours":3}' }]) {
    sandbox.commit(news)
    sandbox.write(sandbox.home, { '.claude/doc.json': broken })
    drift(sandbox)
    const place = /\.claude\/doc\.json:2:\d+ is not JSON/
    const diff = await sandbox.gitops(['diff'])
    expect(diff.said).toMatch(/doc\.json {2}\(refused: line 2, column \d+: is not JSON/)
    expect(diff.said).toMatch(/claude\/a\.json.*edited[^]*Drift would be healed to what was applied last/)
    expect(diff.code).toBe(5)
    const ran = await reconcile(sandbox, 5)
    expect(ran).toMatchObject({ reason: 'Conflict', targets: [{ created: 1, updated: 1, deleted: 0 }] })
    expect(ran.message).toMatch(place)
    expect(ran.message.match(/is not JSON/g)).toHaveLength(1)
    applied(sandbox)
    expect(sandbox.live('.claude/doc.json')).toBe(broken)
    const status = await sandbox.gitops(['status', '--exit-code'])
    expect(status.said).toMatch(place)
    expect(status.said).not.toContain('half a wo')
    expect(status.code).toBe(5)
  }
  sandbox.write(sandbox.home, { '.claude/doc.json': '{"theirs":true}' })
  await reconcile(sandbox, 0)
  expect(JSON.parse(sandbox.live('.claude/doc.json'))).toEqual({ theirs: true, ours: 3 })
})

test('healing that fails its checks is taken back, and both reasons are told', async ({ sandbox }) => {
  await begun(sandbox, `checks: { smoke: [{ name: 'quiet', run: '! test -e ~/loud' }] }`)
  renameSync(sandbox.remote, `${sandbox.remote}.away`)
  drift(sandbox)
  sandbox.write(sandbox.home, { loud: '' })
  const ran = await reconcile(sandbox, 1)
  expect(ran.outcome).toBe('failed')
  expect(ran.message).toMatch(
    /^[^]*Drift could not be healed: check "quiet" failed[^]*What was pulled is not applied: source team: .* does not exist/,
  )
  expect(sandbox.live('.claude/a.json')).toBe('edited')
})

test('a dry run says that drift would be healed while the revision is refused, and heals nothing', async ({ sandbox }) => {
  await begun(sandbox)
  sandbox.commit({ '.claude/a.json': '{"broken"' })
  drift(sandbox)
  const ran = await sandbox.gitops(['reconcile', '--dry-run'])
  expect(ran.code, ran.said).toBe(5)
  expect(ran.said).toContain('Drift would be healed to what was applied last')
  expect(ran.said.match(/a\.json: edited since it was applied/g)).toHaveLength(1)
  expect(sandbox.live('.claude/a.json')).toBe('edited')
})

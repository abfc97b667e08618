import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { storeIn } from '../../lib/host/store.ts'
import { absPath } from '../../lib/model/path.ts'
import { test, type Sandbox } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'

const ACCOUNT = `{ account: { from: 'account.json.enc', to: '~/.claude.json', strategy: 'merge' } }`

/** As if the time until which contested paths rest had passed. */
function later(sandbox: Sandbox): void {
  const store = storeIn(absPath(sandbox.state), (sentence) => expect.unreachable(sentence))
  const status = store.status()
  const past = Object.entries(status.contested).map(([path, known]) => [path, { ...known, next: new Date(0).toISOString() }])
  store.saveStatus({ ...status, contested: Object.fromEntries(past) }, true)
}

function copies(sandbox: Sandbox): number {
  return readdirSync(join(sandbox.state, 'kept'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length
}

test('what something rewrites before every run is put back less and less often, and status says so; news is applied at once', async ({
  sandbox,
}) => {
  const me = await member()
  trust(sandbox, me)
  sandbox.commit({ '.claude/a': 'ours', '.claude/b': 'b', 'account.json.enc': await sops(me, { key: 'ours' }) })
  sandbox.config(`{
    name: 'story',
    sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
    targets: { claude: { from: '.claude', to: '~/.claude' } },
    secrets: ${ACCOUNT},
  }`)
  const rewritten = async (): Promise<string> => {
    sandbox.write(sandbox.home, { '.claude/a': 'theirs', '.claude.json': '{"key":"theirs","more":1}' })
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(0)
    return ran.said
  }
  await sandbox.gitops(['reconcile'])
  for (let run = 0; run < 3; run++) expect(await rewritten()).toContain('drift was healed')
  expect(sandbox.live('.claude/a')).toBe('ours')

  const waiting = await rewritten()
  expect(waiting).toMatch(
    /2 paths wait, for something else keeps rewriting them: \S+\.claude\/a until 2\S+Z, \S+\.claude\.json until 2\S+Z/,
  )
  expect(waiting).toMatch(/a: edited since it was applied; rewritten by something else 3 times in a row; next put back in \d+s/)
  expect([sandbox.live('.claude/a'), copies(sandbox)]).toEqual(['theirs', 1])
  const status = await sandbox.gitops(['status', '--json', '--exit-code'])
  expect(status.code).toBe(3)
  const [source] = (JSON.parse(status.stdout) as { sources: { ready: boolean; drift: object[] }[] }).sources
  expect(source?.ready).toBe(false)
  expect(source?.drift).toMatchObject([
    { path: join(sandbox.home, '.claude/a'), kind: 'edited', answer: 'wait', times: 3 },
    { path: join(sandbox.home, '.claude.json'), kind: 'edited', answer: 'wait', times: 3 },
  ])
  expect((await sandbox.gitops(['status'])).said).toContain('Not ready: 2 paths wait, for something else keeps rewriting them')

  // Another file does not wait with it.
  sandbox.write(sandbox.home, { '.claude/b': 'edited once' })
  expect(await rewritten()).toContain('1 updated; 2 paths wait')

  later(sandbox)
  expect(await rewritten()).toContain('2 updated; drift was healed')
  expect(await rewritten()).toMatch(/4 times in a row; next put back in (?:2m|[6-9]\ds|1\d\ds)/)

  sandbox.commit({ '.claude/a': 'news' })
  expect(await rewritten()).toContain('1 updated; 1 path waits')
  expect(sandbox.live('.claude/a')).toBe('news')
  expect((await sandbox.gitops(['reconcile', '--heal'])).said).toContain('1 updated')
  expect(JSON.parse(sandbox.live('.claude.json'))).toEqual({ key: 'ours', more: 1 })

  // Nobody rewrites it any more: the next edit is a first one.
  await sandbox.gitops(['reconcile'])
  expect(storeIn(absPath(sandbox.state), () => {}).status().contested).toEqual({})
})

import { expect } from 'vitest'
import { test, type Files } from '../support/sandbox.ts'
import { member, sops, trust } from '../support/sops.ts'
import { CLEAN, validate } from './support.ts'

const CONFIG = `import { claudeCode, defineConfig } from 'gitops'

export default defineConfig({
  name: 'story',
  sources: { team: { repo: '.' } },
  targets: { tool: { from: 'tool', to: '~/.tool', documents: { 'settings.yaml': { merge: { format: 'yaml' } } } } },
  presets: [claudeCode({ doctor: false, account: 'account.enc' })],
})
`
const OPEN = '{\n  "mcpServers": { "docs": { "type": "http", "url": "https://docs.example" } }\n}\n'

/** A few lines of aliases that stand for more values than there is memory. */
const BOMB = `a: &a [x]\n${Array.from(
  { length: 12 },
  (_, n) =>
    `k${n}: &k${n} [${Array(10)
      .fill(n === 0 ? '*a' : `*k${n - 1}`)
      .join(',')}]\n`,
).join('')}`

test('keys that a reconcile would refuse are found before the merge, each at its place and without a key', async ({ sandbox }) => {
  const me = await member()
  trust(sandbox, me)
  const hidden = await sops(me, { mcpServers: { docs: { headers: { Authorization: 'made-up' } } } })
  const good: Files = {
    ...CLEAN,
    'gitops.config.ts': CONFIG,
    'tool/settings.yaml': 'a: 1\n',
    '.claude/claude.json': OPEN,
    'account.enc': hidden,
  }
  sandbox.commit(good)
  expect((await validate(sandbox)).findings).toEqual([])
  for (const [change, places] of [
    [{ '.claude/claude.json': '{\n  "oauthAccount": {}\n}\n' }, ['.claude/claude.json:2:3 keys/protected']],
    [{ 'account.enc': await sops(me, { projects: { '/a': 'made-up' } }) }, ['account.enc:2:2 keys/protected']],
    [
      { '.claude/claude.json': '{\n  "mcpServers": {\n    "docs": { "headers": { "Authorization": "other" } }\n  }\n}\n' },
      ['.claude/claude.json:3:28 keys/shared'],
    ],
    [{ '.claude/claude.json': '[]\n' }, ['.claude/claude.json:1:null keys/object']],
    [{ '.claude/claude.json': '{\n  "a": 1,\n  "a": 2\n}\n' }, ['.claude/claude.json:3:3 keys/twice']],
    [{ '.claude/claude.json': '{\n  "a": \n}\n' }, ['.claude/claude.json:3:1 syntax/json']],
    [{ 'tool/settings.yaml': '- a\n- b\n' }, ['tool/settings.yaml:1:null keys/object']],
    [{ 'tool/settings.yaml': 'a: 1\n---\nb: 2\n' }, ['tool/settings.yaml:null:null keys/object']],
    [{ 'tool/settings.yaml': BOMB }, ['tool/settings.yaml:null:null keys/object']],
  ] as [Files, string[]][]) {
    sandbox.write(sandbox.work, { ...good, ...change })
    const { code, places: found, said } = await validate(sandbox)
    expect(
      found.map((place) => place.replace(/^account\.enc:\d+:\d+/, 'account.enc:2:2')),
      said,
    ).toEqual(places)
    expect(code).toBe(1)
    expect(said).not.toContain('made-up')
  }
})

import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { reconcile, sops, claudeCode, type UserConfig } from '../../lib/index.ts'
import { ACCOUNT, CLAUDE_HOME, SETTINGS } from '../support/claude-home.ts'
import { test, type Sandbox } from '../support/sandbox.ts'

const READER = resolve(import.meta.dirname, '../fixtures/sops/reader.identity')
const RECIPIENT = /public key: (age1\w+)/.exec(readFileSync(READER, 'utf8'))?.[1] ?? ''

/** The config of a team whose smoke check does not like a word. */
const config = (sandbox: Sandbox): UserConfig => ({
  name: 'story',
  home: sandbox.home,
  sources: { team: { repo: sandbox.remote, ref: 'main' } },
  presets: [claudeCode({ account: 'account.enc', doctor: false })],
  checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/CLAUDE.md' }] },
  identities: [READER],
})

const at = (sandbox: Sandbox, path: string): unknown => JSON.parse(sandbox.live(path))

/** Everything that Claude Code and a person keep, without the two documents that are shared. */
function kept(sandbox: Sandbox): Record<string, string> {
  const all = sandbox.tree(sandbox.home)
  return Object.fromEntries(Object.entries(all).filter(([path]) => CLAUDE_HOME[path] !== undefined))
}

test('a home of Claude Code, complete with login, trust, history and plugins, is byte for byte the same after 100 reconciles, rollbacks and an uninstall', async ({
  sandbox,
}) => {
  sandbox.write(sandbox.home, CLAUDE_HOME)
  sandbox.write(sandbox.home, { '.claude.json': { text: ACCOUNT, mode: 0o600 }, '.claude/settings.json': SETTINGS })
  const before = kept(sandbox)
  expect(Object.keys(before).toSorted()).toEqual(Object.keys(CLAUDE_HOME).toSorted())
  const whole = sandbox.tree(sandbox.home)
  // Where the program is that reconciles; the command line comes after it.
  const program = join(sandbox.root, 'program')
  mkdirSync(program)
  const outcomes: Record<string, number> = {}
  const account = JSON.parse(ACCOUNT) as { mcpServers: object }
  for (let round = 0; round < 100; round++) {
    const number = Math.floor(round / 5)
    if (round % 5 === 0) {
      const servers = { mcpServers: { team: { type: 'http', url: `https://${number}.example.org` } } }
      sandbox.commit({
        'account.enc': Buffer.from(await sops.encrypt(JSON.stringify(servers), { format: 'json', recipients: [RECIPIENT] })),
        '.claude/CLAUDE.md': `# ${number} ${number % 4 === 3 ? 'bad' : 'good'}\n`,
        // Every fourth commit takes them away.
        '.claude/claude.json': JSON.stringify(
          number % 4 === 1 ? {} : { mcpServers: { open: { command: `open${number}` } }, diffTool: 'auto' },
        ),
        '.claude/settings.json': JSON.stringify({ model: `m${number}`, permissions: { allow: [`Bash(n${number})`] } }),
        [`.claude/agents/a${number % 3}.md`]: `---\nname: a\ndescription: ${number}\n---\n`,
      })
    }
    if (round % 5 === 2) sandbox.write(sandbox.home, { '.claude/CLAUDE.md': `# edited ${round}\n` })
    const verdict = await reconcile(config(sandbox), { cwd: program })
    outcomes[verdict.outcome] = (outcomes[verdict.outcome] ?? 0) + 1
    if (round % 10 === 9) expect(kept(sandbox)).toEqual(before)
  }
  expect(outcomes['applied'] ?? 0).toBeGreaterThan(20)
  expect(outcomes['rolled-back'] ?? 0).toBeGreaterThanOrEqual(5)
  expect(kept(sandbox)).toEqual(before)
  expect(at(sandbox, '.claude.json')).toMatchObject({ ...account, mcpServers: { ...account.mcpServers, team: {}, open: {} } })
  expect(at(sandbox, '.claude/settings.json')).toMatchObject({ theme: 'dark', enabledPlugins: { 'a@b': true } })

  rmSync(program, { recursive: true })
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `import { claudeCode, defineConfig } from 'gitops'
export default defineConfig({ name: 'story', home: ${JSON.stringify(sandbox.home)}, sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  presets: [claudeCode({ account: 'account.enc', doctor: false })], identities: [${JSON.stringify(READER)}] })\n`,
  })
  const back = await sandbox.gitops(['rollback'])
  expect(back.code, back.said).toBe(0)
  expect(kept(sandbox)).toEqual(before)
  const gone = await sandbox.gitops(['uninstall', '--yes', '--purge'])
  expect(gone.code, gone.said).toBe(0)
  const after = sandbox.tree(sandbox.home)
  expect([sandbox.live('.claude.json'), sandbox.live('.claude/settings.json')]).toEqual([ACCOUNT, SETTINGS])
  expect(Object.keys(after).filter((path) => whole[path] === undefined && !path.includes('gitops') && path !== '.local/state/')).toEqual([])
  expect(Object.keys(whole).filter((path) => after[path] !== whole[path])).toEqual([])
}, 240_000)

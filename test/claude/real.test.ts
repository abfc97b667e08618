import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { claudeCode, reconcile, sops, type UserConfig } from '../../lib/index.ts'
import { test as base, type Sandbox } from '../support/sandbox.ts'

/** The program itself. `npm run test:claude` gets it and says where it is; without it nothing here runs. */
const CLAUDE = process.env['GITOPS_CLAUDE'] ?? ''
const test = base.skipIf(!existsSync(CLAUDE))
const READER = resolve(import.meta.dirname, '../fixtures/sops/reader.identity')
const RECIPIENT = /public key: (age1\w+)/.exec(readFileSync(READER, 'utf8'))?.[1] ?? ''

/** Nothing is sent or updated, and it is nobody's own home. */
function environment(sandbox: Sandbox): NodeJS.ProcessEnv {
  const bin = join(sandbox.root, 'bin')
  mkdirSync(bin, { recursive: true })
  if (!existsSync(join(bin, 'claude'))) symlinkSync(CLAUDE, join(bin, 'claude'))
  const quiet = { DISABLE_TELEMETRY: '1', DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' }
  return { ...sandbox.env, ...quiet, PATH: `${bin}:${sandbox.env['PATH'] ?? ''}` }
}

const claude = (sandbox: Sandbox, ...args: string[]): string =>
  execFileSync(CLAUDE, args, { cwd: sandbox.site, env: environment(sandbox), encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })

const config = (sandbox: Sandbox): UserConfig => ({
  name: 'story',
  home: sandbox.home,
  sources: { team: { repo: sandbox.remote, ref: 'main' } },
  presets: [claudeCode({ account: 'account.enc', doctor: false })],
  identities: [READER],
})

async function account(servers: object): Promise<Buffer> {
  return Buffer.from(await sops.encrypt(JSON.stringify({ mcpServers: servers }), { format: 'json', recipients: [RECIPIENT] }))
}

const servers = (sandbox: Sandbox): Record<string, unknown> =>
  (JSON.parse(sandbox.live('.claude.json')) as { mcpServers: Record<string, unknown> }).mcpServers

test('eight servers that the real Claude Code adds while reconciles change others are all there in the end, and so are ours', async ({
  sandbox,
}) => {
  sandbox.commit({
    'account.enc': await account({ team: { type: 'http', url: 'https://0.example.org' } }),
    '.claude/CLAUDE.md': '# Rules\n',
  })
  claude(sandbox, 'doctor')
  const adding = Array.from(
    { length: 8 },
    (_, index) =>
      new Promise<void>((done, fail) => {
        const args = ['mcp', 'add', '-s', 'user', `mine${index}`, '--', 'echo', `${index}`]
        setTimeout(() => {
          execFile(CLAUDE, args, { cwd: sandbox.site, env: environment(sandbox) }, (error) => (error === null ? done() : fail(error)))
        }, index * 150)
      }),
  )
  const still = new Set(adding)
  for (const each of adding) void each.finally(() => still.delete(each))
  let rounds = 0
  for (; still.size > 0 || rounds < 10; rounds++) {
    const verdict = await reconcile(config(sandbox))
    expect(verdict.exitCode, verdict.message).toBe(0)
    sandbox.commit({
      'account.enc': await account({
        team: { type: 'http', url: `https://${rounds + 1}.example.org` },
        [`team${rounds}`]: { command: 'x' },
      }),
    })
  }
  await Promise.all(adding)
  expect((await reconcile(config(sandbox))).exitCode).toBe(0)
  const mine = Array.from({ length: 8 }, (_, index) => `mine${index}`)
  expect(Object.keys(servers(sandbox)).toSorted()).toEqual([...mine, 'team', `team${rounds - 1}`].toSorted())
  expect(servers(sandbox)['team']).toEqual({ type: 'http', url: `https://${rounds}.example.org` })
  process.stdout.write(`eight servers added during ${rounds} reconciles that each changed ours: all kept\n`)
}, 240_000)

const GOOD = '{"model":"opus","permissions":{"allow":["Bash(git status)"],"defaultMode":"plan"}}\n'

/** The command line, with `claude` in PATH and its doctor asked before and after. */
function configFile(sandbox: Sandbox): void {
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `import { claudeCode, defineConfig } from 'gitops'
export default defineConfig({ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  presets: [claudeCode({ account: 'account.enc' })], identities: [${JSON.stringify(READER)}] })\n`,
  })
}

test('claude doctor has no complaint about a reconciled home, and what it does complain of was refused before anything was written', async ({
  sandbox,
}) => {
  const env = environment(sandbox)
  sandbox.commit({
    'account.enc': await account({ team: { type: 'http', url: 'https://team.example.org/mcp' } }),
    '.claude/settings.json': GOOD,
  })
  configFile(sandbox)
  const good = await sandbox.gitops(['reconcile'], { env })
  expect(good.code, good.said).toBe(0)
  expect(claude(sandbox, 'doctor')).not.toContain('Invalid settings')
  const state = sandbox.live('.claude.json')

  // Only Claude Code itself knows which modes there are.
  sandbox.commit({ '.claude/settings.json': GOOD.replace('"plan"', '"nonsense"') })
  const bad = await sandbox.gitops(['reconcile'], { env })
  expect(bad.said).toContain('settings.json › permissions.defaultMode: Invalid value')
  expect(bad.code, bad.said).toBe(5)
  expect(sandbox.live('.claude/settings.json')).toContain('"plan"')
  expect(sandbox.live('.claude.json')).toBe(state)
  sandbox.write(sandbox.home, { '.claude/settings.json': GOOD.replace('"plan"', '"nonsense"') })
  expect(claude(sandbox, 'doctor')).toContain('permissions.defaultMode: Invalid value')
}, 120_000)

test('what claude mcp tells of a server is what was declared', async ({ sandbox }) => {
  sandbox.commit({
    'account.enc': await account({ team: { type: 'http', url: 'https://team.example.org/mcp' } }),
    '.claude/claude.json': JSON.stringify({ mcpServers: { open: { type: 'http', url: 'https://open.example.org/mcp' } } }),
    '.claude/CLAUDE.md': '# Rules\n',
  })
  expect((await reconcile(config(sandbox))).exitCode).toBe(0)
  const listed = claude(sandbox, 'mcp', 'list')
  expect(listed).toContain('team: https://team.example.org/mcp (HTTP)')
  expect(listed).toContain('open: https://open.example.org/mcp (HTTP)')
  const told = claude(sandbox, 'mcp', 'get', 'team')
  expect(told).toContain('Scope: User config')
  expect(told).toContain('URL: https://team.example.org/mcp')
}, 120_000)

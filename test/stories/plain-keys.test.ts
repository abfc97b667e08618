import { readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect } from 'vitest'
import { claudeCode, reconcile, sops } from '../../lib/index.ts'
import { ACCOUNT } from '../support/claude-home.ts'
import { test, type Ran, type Sandbox } from '../support/sandbox.ts'

const READER = resolve(import.meta.dirname, '../fixtures/sops/reader.identity')
const RECIPIENT = /public key: (age1\w+)/.exec(readFileSync(READER, 'utf8'))?.[1] ?? ''
const FILES = { '.claude/CLAUDE.md': '# Rules\n' }
const OPEN = '{\n  "mcpServers": { "docs": { "type": "http", "url": "https://docs.example.org" } }\n}\n'
const HIDDEN = '{"mcpServers":{"vault":{"command":"vault","env":{"TOKEN":"made-up-token"}}}}'

const cipher = async (text: string): Promise<Buffer> => Buffer.from(await sops.encrypt(text, { format: 'json', recipients: [RECIPIENT] }))
const account = (sandbox: Sandbox): { mcpServers: Record<string, unknown> } => JSON.parse(sandbox.live('.claude.json')) as never
const servers = (sandbox: Sandbox): string[] => Object.keys(account(sandbox).mcpServers ?? {}).toSorted()

function config(sandbox: Sandbox, body: string): void {
  sandbox.write(sandbox.site, {
    'gitops.config.ts': `import { claudeCode, defineConfig, merge } from 'gitops'
export default defineConfig({ name: 'story', sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } }, identities: [${JSON.stringify(READER)}], ${body} })\n`,
  })
}

const preset = (sandbox: Sandbox, options = "account: 'account.enc'"): void =>
  config(sandbox, `presets: [claudeCode({ doctor: false, ${options} })]`)

async function good(running: Promise<Ran>): Promise<Ran> {
  const ran = await running
  expect(ran.code, ran.said).toBe(0)
  return ran
}

const run = (sandbox: Sandbox, ...words: string[]): Promise<Ran> => good(sandbox.gitops(words.length === 0 ? ['reconcile'] : words))

test('the servers of claude.json and of an encrypted file stand in one ~/.claude.json, and all that Claude Code keeps there stays', async ({
  sandbox,
}) => {
  sandbox.write(sandbox.home, { '.claude.json': { text: ACCOUNT, mode: 0o600 } })
  sandbox.commit({ ...FILES, '.claude/claude.json': OPEN, 'account.enc': await cipher(HIDDEN) })
  preset(sandbox)
  await run(sandbox)
  expect(servers(sandbox)).toEqual(['docs', 'mine', 'vault'])
  expect(account(sandbox)).toMatchObject({ oauthAccount: { emailAddress: 'me@example.org' }, numStartups: 42 })
  expect(Object.keys(sandbox.tree(join(sandbox.home, '.claude')))).not.toContain('claude.json')
  expect((await run(sandbox)).said).toContain('In sync')

  // The encrypted file has not changed: no identity is needed for the news of the plain one.
  preset(sandbox)
  sandbox.commit({ '.claude/claude.json': OPEN.replaceAll('docs', 'wiki') })
  const text = readFileSync(join(sandbox.site, 'gitops.config.ts'), 'utf8')
  sandbox.write(sandbox.site, { 'gitops.config.ts': text.replace(JSON.stringify(READER), '') })
  await run(sandbox)
  expect(servers(sandbox)).toEqual(['mine', 'vault', 'wiki'])

  await run(sandbox, 'rollback')
  expect(servers(sandbox)).toEqual(['docs', 'mine', 'vault'])

  // Either part may go for itself.
  sandbox.commit({ '.claude/claude.json': null })
  await run(sandbox)
  expect(servers(sandbox)).toEqual(['mine', 'vault'])
  await run(sandbox, 'uninstall', '--yes')
  expect(sandbox.live('.claude.json')).toBe(ACCOUNT)
})

test('a document of plain keys alone needs no identity, closes nothing, and goes with the last of them', async ({ sandbox }) => {
  sandbox.commit({ 'tool.json': '{"server":{"port":1}}\n', 'a/x': 'x\n' })
  sandbox.write(sandbox.home, { '.toolrc.json': { text: '{ "name": "me" }\n', mode: 0o644 } })
  const declared =
    "documents: { tool: { from: 'tool.json', to: '~/.toolrc.json', optional: true }, made: { from: 'tool.json', to: '~/.made.json', optional: true } }"
  config(sandbox, declared)
  await run(sandbox)
  expect(sandbox.live('.toolrc.json')).toContain('"port": 1')
  const { '.toolrc.json': found, '.made.json': made } = sandbox.tree(sandbox.home)
  // What the application adds to a document that we have made may be a secret.
  expect([found, made]).toEqual([expect.stringMatching(/^644 /), expect.stringMatching(/^600 /)])

  sandbox.commit({ 'tool.json': null })
  await run(sandbox)
  expect(sandbox.live('.toolrc.json')).toBe('{ "name": "me" }\n')
  expect(Object.keys(sandbox.tree(sandbox.home))).not.toContain('.made.json')

  sandbox.commit({ 'tool.json': '{"server":{"port":2}}\n' })
  await run(sandbox)
  expect(sandbox.live('.made.json')).toContain('"port": 2')
  await run(sandbox, 'uninstall', '--yes')
  expect(sandbox.live('.toolrc.json')).toBe('{ "name": "me" }\n')
  expect(Object.keys(sandbox.tree(sandbox.home))).not.toContain('.made.json')
})

test('a plain file that must be there and is not is named, and nothing is written', async ({ sandbox }) => {
  sandbox.commit(FILES)
  config(sandbox, "documents: { tool: { from: 'tool.toml', to: '~/.toolrc.toml' } }")
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(1)
  expect(ran.said).toContain('document tool: there is no file "tool.toml" in team')
})

test('what somebody has changed of our keys is drift, told by its pointer, healed, and captured into the file that it is from', async ({
  sandbox,
}) => {
  sandbox.commit({ ...FILES, '.claude/claude.json': OPEN, 'account.enc': await cipher(HIDDEN) })
  const clone = join(sandbox.root, 'clone')
  config(sandbox, "presets: [claudeCode({ doctor: false, account: 'account.enc' })]")
  await run(sandbox)
  const live = join(sandbox.home, '.claude.json')
  const change = (): void =>
    sandbox.write(sandbox.home, {
      '.claude.json': readFileSync(live, 'utf8').replace('docs.example', 'other.example').replace('made-up-token', 'another-token'),
    })
  change()
  expect((await run(sandbox)).said).toContain('/mcpServers/docs/url')
  expect(sandbox.live('.claude.json')).toContain('docs.example')

  sandbox.git(sandbox.root, 'clone', '--quiet', sandbox.remote, clone)
  change()
  const text = readFileSync(join(sandbox.site, 'gitops.config.ts'), 'utf8')
  sandbox.write(sandbox.site, { 'gitops.config.ts': text.replace(JSON.stringify(sandbox.remote), JSON.stringify(clone)) })
  const captured = await run(sandbox, 'capture', live)
  expect(captured.said).toContain('claude.json')
  expect(captured.said).toContain('account.enc')
  const open = readFileSync(join(clone, '.claude/claude.json'), 'utf8')
  expect(open).toBe(OPEN.replace('docs.example', 'other.example'))
  const identities = [/AGE-SECRET-KEY-\S+/.exec(readFileSync(READER, 'utf8'))?.[0] ?? '']
  const plaintext = await sops.decrypt(readFileSync(join(clone, 'account.enc')), { identities })
  expect(Buffer.from(plaintext).toString()).toContain('another-token')
})

describe('what a source must not say of ~/.claude.json is refused with one sentence, before anything is written', () => {
  const login = '{"oauthAccount":{"emailAddress":"you@example.org"}}'
  const cases: readonly (readonly [what: string, open: string, hidden: string, sentence: string])[] = [
    ['a login', login, HIDDEN, '.claude/claude.json:1:2 sets /oauthAccount, which is not for a source to say'],
    ['trust, encrypted', OPEN, '{"projects":{}}', 'account.enc sets /projects, which is not for a source to say'],
    ['one key twice', OPEN, OPEN, 'says /mcpServers/docs/type, which account.enc says too; take it out of one of them'],
    ['what is no JSON', '{"mcpServers": {}', HIDDEN, '.claude/claude.json'],
    ['a list', '[]', HIDDEN, '.claude/claude.json must be an object of keys'],
  ]
  for (const [what, open, hidden, sentence] of cases) {
    test(what, async ({ sandbox }) => {
      sandbox.write(sandbox.home, { '.claude.json': { text: ACCOUNT, mode: 0o600 } })
      sandbox.commit({ ...FILES, '.claude/claude.json': open, 'account.enc': await cipher(hidden) })
      const verdict = await reconcile(
        {
          name: 'story',
          home: sandbox.home,
          sources: { team: { repo: sandbox.remote, ref: 'main' } },
          presets: [claudeCode({ doctor: false, account: 'account.enc' })],
          identities: [READER],
        },
        { cwd: sandbox.site },
      )
      expect(verdict.message).toContain(sentence)
      expect(JSON.stringify(verdict)).not.toMatch(/made-up|example\.org/)
      expect(verdict.exitCode, verdict.message).toBe(5)
      expect(sandbox.live('.claude.json')).toBe(ACCOUNT)
    })
  }
})

test('a plain file beside a secret must say the same of the document that they share', async ({ sandbox }) => {
  sandbox.commit({ 'tool.json': '{"a":1}', 'tool.enc': await cipher('{"b":2}') })
  const both = (more: string): string =>
    `secrets: { tool: { from: 'tool.enc', to: '~/.tool.json', strategy: 'merge' } }, documents: { open: { from: 'tool.json', to: '~/.tool.json'${more} } }`
  config(sandbox, both(", onDrift: 'keep'"))
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(2)
  expect(ran.said).toContain('documents.open: goes to')
  expect(ran.said).toContain('must say the same of onDrift')
  config(sandbox, both(''))
  await run(sandbox)
  expect(JSON.parse(sandbox.live('.tool.json'))).toEqual({ a: 1, b: 2 })
  rmSync(join(sandbox.home, '.tool.json'))
  await run(sandbox)
  expect(JSON.parse(sandbox.live('.tool.json'))).toEqual({ a: 1, b: 2 })
})

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { newIdentity } from '../../lib/secrets/age.ts'
import { test, type Ran, type Sandbox } from '../support/sandbox.ts'

const SOPS = process.env['GITOPS_SOPS'] ?? 'sops'
const LIVE =
  '{\n  "userID": "app-state",\n  "mcpServers": {"a": {"token": "s3cret-canary", "port": 12345678901234567890}},\n  "theme": "dark"\n}\n'

const PLAINS: Readonly<Record<string, string>> = {
  b: 'token: s3cret-canary\n',
  d: 'TOKEN=s3cret-canary\n',
  e: '[a]\ntoken = s3cret-canary\n',
}

/** The clone that holds the config, with one declared secret, its rules, and a key where sops looks. */
async function declared(sandbox: Sandbox, from: string, more = '', to = '~/.claude.json'): Promise<string> {
  const { identity, recipient } = await newIdentity()
  sandbox.write(sandbox.home, {
    '.config/sops/age/keys.txt': { text: `${identity.text()}\n`, mode: 0o600 },
    [to.replace('~/', '')]: { text: LIVE, mode: 0o600 },
  })
  sandbox.commit({
    'gitops.config.ts': `export default { sources: { self: { repo: '.' } }, secrets: { account: { from: '${from}', to: '${to}', ${more} } } }\n`,
    '.sops.yaml': `creation_rules:\n  - path_regex: ^${from.replaceAll('.', '\\.')}$\n    age: ${recipient}\n`,
    'sub/.keep': '',
  })
  return recipient
}

const encrypt = (sandbox: Sandbox, ...args: string[]): Promise<Ran> =>
  sandbox.gitops(['encrypt', join(sandbox.home, '.claude.json'), ...args], { cwd: join(sandbox.work, 'sub') })

test('the live file of a declared secret goes to its place in the repository, by the rule for that place, and the other way is said', async ({
  sandbox,
  skip,
}) => {
  const to = await declared(sandbox, '.claude/.claude.json.enc')
  const ran = await encrypt(sandbox)
  const place = join(sandbox.work, '.claude/.claude.json.enc')
  expect(ran.code, ran.said).toBe(0)
  expect(ran.stdout).toBe('')
  expect(ran.stderr).toContain(`${place} is written, encrypted to ${to} (creation rule 1 of ${join(sandbox.work, '.sops.yaml')})`)
  expect(ran.stderr).not.toContain('.gitignore')
  expect(sandbox.live('.claude.json')).toBe(LIVE)
  expect(readFileSync(place, 'utf8')).not.toMatch(/s3cret-canary|app-state/)
  const again = await encrypt(sandbox)
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('is as it was')])
  const command = /Plain sops reads it with: (.*)/.exec(ran.stderr)?.[1] ?? ''
  skip(spawnSync(SOPS, ['--version']).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  const read = execFileSync('sh', ['-c', command.replace(/^sops/, SOPS)], { env: sandbox.env, encoding: 'utf8' })
  expect(read).toContain('"port": 12345678901234567000')
  expect(JSON.parse(read)).toEqual(JSON.parse(LIVE))
})

test('the printed command reads what was written with the real sops, whatever the name and the format', async ({ sandbox, skip }) => {
  skip(spawnSync(SOPS, ['--version']).status !== 0, 'sops is neither on PATH nor in GITOPS_SOPS')
  const names = [
    'a.json.enc',
    'a.enc.json',
    'b.yaml.enc',
    'b.sops.yml',
    'c.txt.enc',
    'd.env',
    'd.env.enc',
    'e.ini.sops',
    "it's $HOME.json.sops",
  ]
  for (const [index, name] of names.entries()) {
    const { identity, recipient } = await newIdentity()
    sandbox.write(sandbox.home, { '.config/sops/age/keys.txt': identity.text() })
    const plain = PLAINS[name[0] ?? ''] ?? '{\n\t"token": "s3cret-canary"\n}\n'
    sandbox.write(sandbox.site, { [`plain${index}`]: plain })
    const ran = await sandbox.gitops(['encrypt', `plain${index}`, '-o', name, '--age', recipient])
    expect(ran.code, ran.said).toBe(0)
    const path = join(sandbox.site, name)
    // Silence means that the name says it all.
    const command = /Plain sops reads it with: (.*)/.exec(ran.stderr)?.[1] ?? `sops decrypt "${path}"`
    expect(execFileSync('sh', ['-c', command.replace(/^sops/, SOPS)], { env: sandbox.env, encoding: 'utf8' }), name).toBe(plain)
  }
})

test('a live file in a repository of its own is kept out of Git once, and refused when it is tracked', async ({ sandbox }) => {
  await declared(sandbox, 'account.enc.json')
  sandbox.git(sandbox.home, 'init', '--quiet')
  sandbox.write(sandbox.home, { '.gitignore': '*.log' })
  const first = await encrypt(sandbox)
  expect([first.code, first.stderr]).toEqual([0, expect.stringContaining(join(sandbox.home, '.gitignore'))])
  expect(sandbox.live('.gitignore')).toBe('*.log\n/.claude.json\n')
  expect(sandbox.git(sandbox.home, 'status', '--porcelain', '.claude.json')).toBe('')
  expect((await encrypt(sandbox)).stderr).not.toContain('.gitignore')
  expect(sandbox.live('.gitignore')).toBe('*.log\n/.claude.json\n')
  sandbox.git(sandbox.home, 'add', '--force', '.claude.json')
  sandbox.write(sandbox.home, { '.claude.json': LIVE.replace('dark', 'light') })
  const before = readFileSync(join(sandbox.work, 'account.enc.json'))
  const tracked = await encrypt(sandbox)
  expect([tracked.code, tracked.stderr]).toEqual([2, expect.stringContaining('tracked by Git')])
  expect(readFileSync(join(sandbox.work, 'account.enc.json'))).toEqual(before)
})

test('a live file in a repository without a .gitignore gets one', async ({ sandbox }) => {
  await declared(sandbox, 'account.enc.json')
  sandbox.git(sandbox.home, 'init', '--quiet')
  const ran = await encrypt(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(sandbox.live('.gitignore')).toBe('/.claude.json\n')
  expect(sandbox.git(sandbox.home, 'status', '--porcelain', '.claude.json')).toBe('')
})

test('a live file that cannot be kept out of Git is not encrypted as if it were safe, and the reason is told', async ({ sandbox }) => {
  await declared(sandbox, 'account.enc.json')
  sandbox.git(sandbox.home, 'init', '--quiet')
  const refused = async (why: RegExp): Promise<void> => {
    const ran = await encrypt(sandbox)
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(why)])
    expect(ran.stderr).not.toContain('is added to')
    expect(existsSync(join(sandbox.work, 'account.enc.json'))).toBe(false)
  }
  // Git does not follow a link there.
  sandbox.write(sandbox.home, { shared: '*.log\n', '.gitignore': { link: 'shared' } })
  await refused(/\.gitignore is a link/)
  expect(sandbox.live('shared')).toBe('*.log\n')
  rmSync(join(sandbox.home, '.gitignore'))
  mkdirSync(join(sandbox.home, '.gitignore'))
  await refused(/\.gitignore is no file/)
  rmdirSync(join(sandbox.home, '.gitignore'))
  for (const [name, why] of [
    ['a\n.json', 'cannot hold its name'],
    // Git takes that for the end of a line.
    ['a.json\r', 'would be added by Git, though'],
  ] as const) {
    await declared(sandbox, 'account.enc.json', '', `~/${JSON.stringify(name).slice(1, -1)}`)
    sandbox.write(sandbox.home, { [name]: LIVE })
    const ran = await sandbox.gitops(['encrypt', join(sandbox.home, name)], { cwd: sandbox.work })
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining(why)])
    expect(existsSync(join(sandbox.work, 'account.enc.json'))).toBe(false)
  }
})

test('a place in the repository that a link leads out of is refused', async ({ sandbox }) => {
  await declared(sandbox, '.claude/account.enc.json')
  mkdirSync(join(sandbox.root, 'elsewhere'))
  sandbox.write(sandbox.work, { '.claude': { link: '../elsewhere' } })
  const ran = await encrypt(sandbox)
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/secrets\.account\.from leads through \S+\/\.claude, which is a link/)])
  expect(readdirSync(join(sandbox.root, 'elsewhere'))).toEqual([])
})

test('a name that is a pattern for Git, in a directory with a .gitignore of its own, is ignored as the name that it is', async ({
  sandbox,
}) => {
  await declared(sandbox, 'account.enc.json', '', '~/deep/[a]*?.json')
  sandbox.git(sandbox.home, 'init', '--quiet')
  sandbox.write(sandbox.home, { 'deep/.gitignore': '' })
  const ran = await sandbox.gitops(['encrypt', join(sandbox.home, 'deep/[a]*?.json')], { cwd: sandbox.work })
  expect(ran.code, ran.said).toBe(0)
  expect(existsSync(join(sandbox.home, '.gitignore'))).toBe(false)
  expect(sandbox.git(sandbox.home, 'status', '--porcelain', 'deep/[[]a]*?.json')).toBe('')
  expect(sandbox.live('deep/.gitignore')).toBe('/\\[a\\]\\*\\?.json\n')
})

test("an application's file that is merged is not encrypted whole: only the keys that are named go into the repository", async ({
  sandbox,
}) => {
  await declared(sandbox, 'account.enc.json', "strategy: 'merge'")
  const refused = await encrypt(sandbox)
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/merged[\s\S]*--keys \/mcpServers/)])
  expect(existsSync(join(sandbox.work, 'account.enc.json'))).toBe(false)
  const none = await encrypt(sandbox, '--keys', '/nosuch')
  expect([none.code, none.stderr]).toEqual([91, expect.stringContaining('["nosuch"]')])
  const picked = await encrypt(sandbox, '--keys', '/mcpServers,/theme')
  expect(picked.code, picked.said).toBe(0)
  const back = await sandbox.gitops(['decrypt', 'account.enc.json'], { cwd: sandbox.work })
  expect(JSON.parse(back.stdout)).toEqual({ mcpServers: { a: { token: 's3cret-canary', port: 12345678901234567000 } }, theme: 'dark' })
  expect((await encrypt(sandbox)).stderr).toContain(
    'as they are there now: gitops encrypt ' + join(sandbox.home, '.claude.json') + ' --keys /mcpServers,/theme',
  )
})

test('the keys that are proposed for a merged file are those of the source, so that nobody else follows them there', async ({
  sandbox,
}) => {
  await declared(sandbox, 'account.enc.json', "strategy: 'merge'")
  const live = (more: object): void =>
    sandbox.write(sandbox.home, {
      '.claude.json': JSON.stringify({
        mcpServers: { github: { token: 's3cret-canary', args: ['a'] }, 'a/b': { token: 'two' }, local: { token: 'mine' } },
        teamKey: 's3cret-canary',
        theme: 'dark',
        ...more,
      }),
    })
  live({})
  const keys = '/mcpServers/github,/mcpServers/a~1b,/teamKey'
  expect((await encrypt(sandbox, '--keys', keys)).code).toBe(0)
  const proposed = async (): Promise<string> => /--keys (\S+)/.exec((await encrypt(sandbox)).stderr)?.[1] ?? ''
  expect(await proposed()).toBe(keys)
  const again = await encrypt(sandbox, '--keys', await proposed())
  expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('is as it was')])
  live({ mcpServers: { github: { token: 's3cret-canary', args: ['a', 'mine'], mine: 1 }, 'a/b': { token: 'two' } } })
  expect(await proposed()).toBe('/mcpServers/github/token,/mcpServers/github/args,/mcpServers/a~1b,/teamKey')

  const fewer = await encrypt(sandbox, '--keys', '/mcpServers/github/token')
  expect([fewer.code, fewer.stderr]).toEqual([
    0,
    expect.stringMatching(
      /Not among --keys, and no longer in .*account\.enc\.json: \/mcpServers\/github\/args, \/mcpServers\/a~1b, \/teamKey\./,
    ),
  ])
  expect(fewer.said).not.toContain('s3cret-canary')
})

test('a source without a work tree here is told, and the way around it is', async ({ sandbox }) => {
  await declared(sandbox, 'account.enc.json')
  sandbox.write(sandbox.work, {
    'gitops.config.ts': `export default { sources: { team: { repo: 'https://example.com/team.git' } }, secrets: { account: { from: 'a.enc.json', to: '~/.claude.json' } } }\n`,
  })
  const ran = await encrypt(sandbox)
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(/no work tree[\s\S]*-o <clone>\/a\.enc\.json/)])
})

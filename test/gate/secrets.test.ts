import { describe, expect } from 'vitest'
import type { Finding } from '../../lib/model/finding.ts'
import { member, sops, trust } from '../support/sops.ts'
import { test, type Sandbox } from '../support/sandbox.ts'
import { tokens } from './tokens.ts'

const CONFIG = (more = ''): string => `import { defineConfig } from 'gitops'

export default defineConfig({
  name: 'story',
  sources: { team: { repo: '.' } },
  targets: { claude: { from: '.claude', to: '~/.claude' } },
${more}})
`
/** Rules with a dash in their name. */
const NAMES: Readonly<Record<string, string>> = { database: 'database-connection-string', hashicorp: 'hashicorp-vault' }
const CLEAN = { 'gitops.config.ts': CONFIG(), '.claude/settings.json': '{}\n' }

async function validate(
  sandbox: Sandbox,
  ...args: string[]
): Promise<{ findings: Finding[]; places: string[]; said: string; code: number }> {
  const { stdout, stderr, code } = await sandbox.gitops(['validate', '--json', ...args], { cwd: sandbox.work })
  expect(stdout, stderr).toMatch(/^\{/)
  const { findings } = JSON.parse(stdout) as { findings: Finding[] }
  return { findings, places: findings.map(({ path, line, rule }) => `${path}:${line} ${rule}`), said: stdout + stderr, code }
}

describe('what looks like a secret', () => {
  test('tokens of more than 15 kinds are found with file and line, and none is printed', async ({ sandbox }) => {
    const kinds = Object.entries(tokens())
    expect(kinds.length).toBeGreaterThan(15)
    sandbox.commit({
      ...CLEAN,
      ...Object.fromEntries(kinds.map(([kind, token]) => [`kinds/${kind}.txt`, `# notes\n\nlook here: ${token}\n`])),
      '.npmrc': `registry=https://r\n//r/:_authToken=${tokens().npm.slice(4)}\n`,
      'disabled.sh': `# secretlint-disable\nexport X=${tokens().github}\n`,
    })
    const { places, said, code } = await validate(sandbox)
    expect(code).toBe(1)
    const expected = kinds.map(([kind]) => `kinds/${kind}.txt:3 leak/${NAMES[kind] ?? kind.replace(/-.*/, '')}`)
    expect(places.toSorted()).toEqual([...expected, '.npmrc:2 leak/npm', 'disabled.sh:2 leak/github'].toSorted())
    const people = await sandbox.gitops(['validate'], { cwd: sandbox.work })
    for (const token of Object.values(tokens()))
      for (const part of [token, token.split('\n').at(1) ?? token]) expect(said + people.said).not.toContain(part)
  })

  test('one that a later commit took out again is found in the commit that brought it, in merges, too', async ({ sandbox }) => {
    sandbox.commit(CLEAN)
    const base = sandbox.git(sandbox.work, 'rev-parse', 'HEAD').trim()
    sandbox.commit({ 'deep/old name.env': `A=1\nTOKEN=${tokens().github}\n` })
    const guilty = sandbox.git(sandbox.work, 'rev-parse', 'HEAD').trim()
    sandbox.git(sandbox.work, 'rm', '-q', 'deep/old name.env')
    sandbox.git(sandbox.work, 'commit', '-q', '-m', 'gone')
    expect((await validate(sandbox)).findings).toEqual([])
    const { findings } = await validate(sandbox, '--commits', `${base}..HEAD`)
    expect(findings).toMatchObject([{ rule: 'leak/github', path: 'deep/old name.env', line: 2, commit: guilty }])
    expect((await validate(sandbox, '--commits', `${guilty}..HEAD`)).findings).toEqual([])
    expect((await validate(sandbox, '--commits', `${'0'.repeat(40)}..HEAD`)).findings).toHaveLength(1)
    sandbox.git(sandbox.work, 'checkout', '-q', '-b', 'side', base)
    sandbox.commit({ 'side.txt': 'x\n' })
    sandbox.git(sandbox.work, 'merge', '-q', '--no-commit', '--no-ff', guilty)
    sandbox.write(sandbox.work, { 'evil.txt': `${tokens().slack}\n` })
    sandbox.git(sandbox.work, 'add', '--all')
    sandbox.git(sandbox.work, 'commit', '-q', '-m', 'merge')
    sandbox.git(sandbox.work, 'rm', '-q', 'evil.txt', 'deep/old name.env')
    sandbox.git(sandbox.work, 'commit', '-q', '-m', 'gone')
    expect((await validate(sandbox, '--commits', `${base}..HEAD`)).places).toEqual([
      'deep/old name.env:2 leak/github',
      'evil.txt:1 leak/slack',
    ])
  })

  test('the config allows a finding by rule, path and reason, for one content if it says so, and hears of an allowance that is idle', async ({
    sandbox,
  }) => {
    const token = `${tokens().github}\n`
    sandbox.commit({ ...CLEAN, 'docs/a.md': token, 'docs/b.md': token })
    const blob = sandbox.git(sandbox.work, 'rev-parse', 'HEAD:docs/a.md').trim()
    const allow = (list: string): string => CONFIG(`  gate: { allow: [${list}] },\n`)
    sandbox.write(sandbox.work, { 'gitops.config.ts': allow(`{ rule: 'leak/*', path: 'docs/a.md', reason: 'an example' }`) })
    expect((await validate(sandbox)).places).toEqual(['docs/b.md:1 leak/github'])
    sandbox.write(sandbox.work, {
      'gitops.config.ts': allow(
        `{ rule: 'leak/github', path: 'docs', reason: 'an example', digest: '${blob.slice(0, 12)}' }, { rule: 'leak/aws', path: '**', reason: 'old' }`,
      ),
    })
    const idle = await validate(sandbox)
    expect([idle.code, idle.places]).toEqual([0, ['gitops.config.ts:null gate/unused-allowance']])
    sandbox.write(sandbox.work, { 'docs/a.md': `another ${token}` })
    expect((await validate(sandbox)).places).toContain('docs/a.md:1 leak/github')
    sandbox.write(sandbox.work, { 'gitops.config.ts': allow(`{ rule: 'leak/github', path: 'docs', reason: ' ' }`) })
    expect((await validate(sandbox)).findings.map(({ message }) => message).join()).toContain('must say why')
    sandbox.write(sandbox.work, { 'gitops.config.ts': CONFIG(`  gate: { scan: { exclude: ['docs/**'] } },\n`) })
    expect((await validate(sandbox)).places).toEqual([])
  })

  test('binary files and very long ones are passed over and counted', async ({ sandbox }) => {
    const { github } = tokens()
    sandbox.commit({
      ...CLEAN,
      'a.bin': `\0${github}`,
      'b.txt': `${'x'.repeat(1024 * 1024)}\n${github}`,
      'utf16.txt': Buffer.from(`\uFEFFa\n${github}`, 'utf16le'),
    })
    const { places, said } = await validate(sandbox)
    expect(places).toEqual(['utf16.txt:2 leak/github'])
    expect(said).toContain('2 files that are binary or longer than 1 MB')
  })
})

describe('what should be encrypted', () => {
  test('a file that a rule picks out, or that the config declares, and that is in clear', async ({ sandbox }) => {
    const me = await member()
    const rules = `creation_rules:
  - path_regex: ^secrets/
    age: ${me.recipient}
  - path_regex: \\.yaml$
    encrypted_regex: ^(data|stringData)$
    age: ${me.recipient}
  - age: ${me.recipient}
`
    sandbox.commit({
      ...CLEAN,
      'gitops.config.ts': CONFIG(`  secrets: { account: { from: 'account.enc', to: '~/.account' } },\n`),
      '.sops.yaml': rules,
      'account.enc': 'plain\n',
      'secrets/a.json': '{\n  "a_unencrypted": 1,\n  "b": "x"\n}\n',
      'secrets/b.txt': 'x\n',
      'secrets/README.md': 'how\n',
      'secrets/.env.example': 'A=\n',
      'secrets/fine.json': await sops(me, { b: 'x' }),
      'k8s/secret.yaml': 'apiVersion: v1\nkind: Secret\ndata:\n  a: eA==\n',
      'k8s/map.yaml': 'apiVersion: v1\nkind: ConfigMap\ndata:\n  a: x\n',
      'values.yaml': 'replicas: 2\n',
    })
    expect((await validate(sandbox)).places).toEqual([
      'account.enc:null sops/unencrypted',
      'k8s/secret.yaml:4 sops/unencrypted',
      'secrets/a.json:3 sops/unencrypted',
      'secrets/b.txt:null sops/unencrypted',
    ])
  })

  test('values in clear in an encrypted file, in any document, and a selector that matches nothing', async ({ sandbox }) => {
    const me = await member()
    const two = await sops(me, 'a: one\n---\nb: two\nc_unencrypted: free\n', { format: 'yaml' })
    const selected = await sops(me, '{"token": "x", "other": "y"}', { rule: { kind: 'encrypted_regex', pattern: '^token$' } })
    sandbox.commit({
      ...CLEAN,
      'two.yaml': two.replace(/^b: .*$/m, 'b: in clear'),
      'selected.json': selected.replace('^token$', '^tokn$').replace(/"token": *"[^"]*"/, '"token": "in clear"'),
      'broken.json': selected.replace('"lastmodified"', '"modified"'),
    })
    const { findings, places, said } = await validate(sandbox)
    expect(places).toEqual([
      'broken.json:null sops/broken',
      'selected.json:null sops/never-matches',
      expect.stringMatching(/^two\.yaml:\d+ sops\/partly$/),
    ])
    expect(two.split('\n')[(findings[2]?.line ?? 0) - 1]).toMatch(/^b: /)
    expect(said).not.toContain('in clear"')
  })

  test('recipients beyond the rule, recipients that are missing, and rules that cannot be used', async ({ sandbox }) => {
    const [me, friend, mallory] = [await member(), await member(), await member()]
    sandbox.commit({
      ...CLEAN,
      '.sops.yaml': `creation_rules:\n  - path_regx: x\n    age: ${me.recipient},${friend.recipient}\n`,
      'a.json': await sops([me, friend, mallory], { a: 'x' }),
      'b.json': await sops(me, { a: 'x' }),
      'deep/.sops.yaml': `creation_rules:\n  - age: ${me.recipient}\n    encrypted_regex: '(?!a)'\n`,
      'typo/.sops.yaml': `creation_rules:\n  - age: ${me.recipient}x\n`,
      'misnamed/.sops.yml': 'creation_rules: []\n',
    })
    const { places, findings } = await validate(sandbox)
    expect(places).toEqual([
      '.sops.yaml:2 sops/config',
      expect.stringMatching(/^a\.json:\d+ sops\/recipients$/),
      'b.json:null sops/recipients',
      'deep/.sops.yaml:2 sops/config',
      'misnamed/.sops.yml:null sops/config',
      'typo/.sops.yaml:2 sops/config',
    ])
    expect(findings[1]?.message).toContain(mallory.recipient)
    expect(findings[2]?.message).toContain(friend.recipient)
  })

  test('a tracked plaintext beside its encrypted file; a file for what everybody may read is none', async ({ sandbox }) => {
    const me = await member()
    sandbox.commit({
      ...CLEAN,
      'app.enc.json': await sops(me, { user: 'a', pass: 'b' }),
      'app.json': '{"user": "a", "pass": "c"}\n',
      'values.sops.yaml': await sops(me, 'db:\n  pass: x\n', { format: 'yaml' }),
      'values.yaml': 'db:\n  host: x\n',
      'key.txt.age': '-----BEGIN AGE ENCRYPTED FILE-----\nYQ==\n-----END AGE ENCRYPTED FILE-----\n',
      'key.txt': 'x\n',
    })
    expect((await validate(sandbox)).places).toEqual(['app.json:null sops/twin', 'key.txt:null sops/twin'])
  })
})

describe('with a key at hand', () => {
  const VALUE = 'correct-Horse7battery/staple+"q"'

  test('a decrypted value is found in clear, however it is written, in files and in commits, and is never printed', async ({ sandbox }) => {
    const me = await member()
    trust(sandbox, me)
    sandbox.commit(CLEAN)
    const base = sandbox.git(sandbox.work, 'rev-parse', 'HEAD').trim()
    sandbox.commit({ 'gone.txt': `first\n${VALUE}\n` })
    sandbox.git(sandbox.work, 'rm', '-q', 'gone.txt')
    sandbox.commit({
      'team.enc.json': await sops(me, {
        db: { password: VALUE, host: 'db.example.com', mode: 'production' },
        url: 'https://example.com/team',
      }),
      'a.txt': `host: db.example.com, production\nhttps://example.com/team\n${VALUE}\n`,
      'b.json': `${JSON.stringify({ a: VALUE })}\n`,
      'c.url': `x=${encodeURIComponent(VALUE)}\n`,
      'd.b64': `\n${Buffer.from(`user:${VALUE}`).toString('base64')}\n`,
      'e.bin': Buffer.concat([Buffer.from([0, 1, 255, 10]), Buffer.from(VALUE)]),
    })
    const { places, findings, said } = await validate(sandbox, '--commits', `${base}..HEAD`)
    expect(places.map((place) => place.replace(' leak/decrypted', ''))).toEqual([
      'a.txt:3',
      'b.json:1',
      'c.url:1',
      'd.b64:2',
      'e.bin:2',
      'gone.txt:2',
    ])
    expect(findings[0]?.message).toBe('the value at "db"."password" of the encrypted "team.enc.json" stands here in clear')
    const { said: people } = await sandbox.gitops(['validate'], { cwd: sandbox.work })
    for (const spelled of [VALUE, 'Horse7battery', encodeURIComponent(VALUE), Buffer.from(VALUE).toString('base64').slice(4, 20)])
      expect(said + people).not.toContain(spelled)
  })

  test('a file that was changed after it was encrypted, and an entry that its own key does not open', async ({ sandbox }) => {
    const [me, other] = [await member(), await member()]
    trust(sandbox, me)
    const file = await sops(me, { a: 'x', b_unencrypted: 'one' })
    const swapped = (await sops(other, { a: 'x' })).replace(other.recipient, me.recipient)
    sandbox.commit({ ...CLEAN, 'a.json': file.replace('"one"', '"two"'), 'b.json': swapped, 'c.json': await sops(other, { a: 'x' }) })
    const { places, said } = await validate(sandbox)
    expect(places).toEqual(['a.json:null sops/mac', 'b.json:null sops/undecryptable'])
    expect(said).toContain('not judged: whether 2 encrypted files open')
  })
})

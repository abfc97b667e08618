import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'
import { CLEAN, CONFIG, validate } from './support.ts'

const POINTER =
  'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n'
const ENCRYPTED = 'password: ENC[AES256_GCM,data:abc=,iv:abc=,tag:abc=,type:str]\nsops:\n    version: 3.9.0\n'

test('what a reconcile would refuse in a tree is found before the merge: each by its path in the repository', async ({ sandbox }) => {
  sandbox.commit({
    ...CLEAN,
    'gitops.config.ts': CONFIG.replace("to: '~/.claude'", "to: '~/.claude', protect: ['projects']"),
    '.claude/projects/a.jsonl': '{}\n',
    '.claude/big.bin': POINTER,
    '.claude/team.yaml': ENCRYPTED,
    '.claude/out': { link: '../../etc/passwd' },
    '.claude/inside': { link: 'CLAUDE.md' },
    '.claude/Readme.md': 'a\n',
    '.claude/README.md': 'b\n',
    'elsewhere/out': { link: '/etc/passwd' },
  })
  sandbox.git(sandbox.work, 'update-index', '--add', '--cacheinfo', `160000,${sandbox.git(sandbox.work, 'rev-parse', 'HEAD')},.claude/sub`)
  sandbox.git(sandbox.work, 'commit', '-qm', 'a submodule')
  const { code, findings } = await validate(sandbox, '--commits', 'HEAD~1..HEAD')
  expect(code).toBe(1)
  expect(findings.map(({ severity, path, rule }) => `${severity} ${path} ${rule}`)).toEqual([
    'warning .claude/Readme.md tree/case',
    'error .claude/big.bin tree/lfs',
    'error .claude/out tree/link-outside',
    'error .claude/projects/a.jsonl tree/protected',
    'error .claude/sub tree/submodule',
    'error .claude/team.yaml sops/broken',
    'error .claude/team.yaml tree/undeclared-encrypted',
  ])
})

test('names that are one on the platform of a host are an error for that host', async ({ sandbox }) => {
  sandbox.commit({ ...CLEAN, '.claude/Rules/a.md': 'a\n', '.claude/rules/b.md': 'b\n' })
  const here = await validate(sandbox)
  expect(here.code).toBe(0)
  expect(here.findings.map(({ severity, rule, message }) => [severity, rule, message])).toEqual([
    ['warning', 'tree/case', '"Rules" and "rules" are one name on macOS and Windows'],
  ])
  const mac = await validate(sandbox, '--platform', 'darwin')
  expect(mac.findings.map(({ severity, path }) => `${severity} ${path}`)).toEqual(['error .claude/rules/b.md'])
  expect(mac.code).toBe(1)
})

test('a directory and an encrypted file that the config names and the tree lacks are found', async ({ sandbox }) => {
  const secrets =
    "secrets: { account: { from: 'account.enc.json', to: '~/account.json' }, linked: { from: 'link.json', to: '~/linked.json' } },\n})"
  sandbox.commit({
    ...CLEAN,
    'link.json': { link: 'gitops.config.ts' },
    'gitops.config.ts': CONFIG.replace("from: '.claude'", "from: 'claude'").replace('\n})', `\n  ${secrets}`),
  })
  expect((await validate(sandbox)).findings.map(({ rule, path, message }) => [rule, path, message])).toEqual([
    ['config/path', null, 'target claude: there is no directory "claude"'],
    ['config/path', null, 'secret account: there is no file "account.enc.json"'],
    ['config/path', 'link.json', 'secret linked: "link.json" is not a regular file'],
  ])
})

test('a plain file of keys for a document must be there unless it is optional, and is no file of the target that it lies in', async ({
  sandbox,
}) => {
  const documents =
    "documents: { must: { from: '.claude/must.json', to: '~/.must.json' }, may: { from: '.claude/may.json', to: '~/.may.json', optional: true } },"
  const config = CONFIG.replace("to: '~/.claude'", "to: '~/.claude', protect: ['must.json']").replace('\n})', `\n  ${documents}\n})`)
  sandbox.commit({ ...CLEAN, 'gitops.config.ts': config })
  expect((await validate(sandbox)).findings.map(({ rule, message }) => [rule, message])).toEqual([
    ['config/path', 'document must: there is no file ".claude/must.json"'],
  ])
  sandbox.commit({ '.claude/must.json': '{}\n' })
  expect((await validate(sandbox)).findings).toEqual([])
})

test('a secret in plaintext where its plaintext goes is found', async ({ sandbox }) => {
  sandbox.commit({
    ...CLEAN,
    'account.enc.json': '{}',
    '.claude/account.json': '{"token":"x"}\n',
    'gitops.config.ts': CONFIG.replace('\n})', "\n  secrets: { account: { from: 'account.enc.json', to: '~/.claude/account.json' } },\n})"),
  })
  expect((await validate(sandbox)).findings.filter(({ rule }) => rule === 'tree/taken').map(({ path }) => path)).toEqual([
    '.claude/account.json',
  ])
})

test('the repository is found to be a source by its place, by a remote however it is written, or by name', async ({ sandbox }) => {
  const config = (repo: string): string => CONFIG.replace("repo: '.'", `repo: ${JSON.stringify(repo)}`)
  sandbox.commit({ ...CLEAN, '.claude/a.json': '{', 'gitops.config.ts': config(sandbox.remote) })
  expect((await validate(sandbox)).places).toEqual(['.claude/a.json:1:2 syntax/json'])
  sandbox.git(sandbox.work, 'remote', 'set-url', 'origin', 'git@example.org:team/claude.git')
  sandbox.write(sandbox.work, { 'gitops.config.ts': config('https://example.org/team/claude') })
  expect((await validate(sandbox)).places).toEqual(['.claude/a.json:1:2 syntax/json'])
  sandbox.write(sandbox.work, { 'gitops.config.ts': config('https://example.org/other/claude') })
  const stranger = await validate(sandbox)
  expect(stranger.findings.map(({ rule }) => rule)).toEqual(['config/source'])
  expect((await validate(sandbox, '--source', 'team')).places).toEqual(['.claude/a.json:1:2 syntax/json'])
  const wrong = await sandbox.gitops(['validate', '--source', 'nobody'], { cwd: sandbox.work })
  expect([wrong.code, wrong.stderr]).toEqual([2, 'gitops: there is no source "nobody" in the config; known: team\n'])
})

test('other sources are said to be not judged, and are not fetched', async ({ sandbox }) => {
  const two = CONFIG.replace("{ repo: '.' }", "{ repo: '.' }, other: { repo: 'https://nowhere.invalid/x.git' }").replace(
    'claude: { from',
    "claude: { source: 'team', from",
  )
  sandbox.commit({ ...CLEAN, 'gitops.config.ts': two })
  const { code, notes } = await validate(sandbox)
  expect([code, notes]).toEqual([0, ['not judged: other, which is another repository']])
})

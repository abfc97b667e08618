import { mkdirSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'
import { CLEAN, CONFIG, validate } from './support.ts'

test('a broken document is found with its line and column, in JSON, JSON with comments, YAML and TOML', async ({ sandbox }) => {
  sandbox.commit({
    ...CLEAN,
    '.claude/a.json': '{\n  "a": 1,\n  "b": 2,\n}\n',
    '.claude/b.jsonc': '{\n  // fine\n  "a": [1, 2,],\n  "b" 3\n}\n',
    '.claude/c.yaml': 'a: 1\nb: [1, 2\nc: 3\n',
    '.claude/d.toml': 'a = 1\n[t]\nb = \n',
    'elsewhere/broken.json': '{',
  })
  const { code, places } = await validate(sandbox)
  expect(code).toBe(1)
  expect(places).toEqual([
    '.claude/a.json:4:1 syntax/json',
    '.claude/b.jsonc:4:7 syntax/jsonc',
    '.claude/c.yaml:3:1 syntax/yaml',
    '.claude/d.toml:3:4 syntax/toml',
  ])
})

test('a clean repository has exit code 0, and nothing outside a throw-away directory was written', async ({ sandbox }) => {
  sandbox.commit(CLEAN)
  const before = [sandbox.tree(sandbox.work), sandbox.tree(sandbox.home)]
  const ran = await sandbox.gitops(['validate'], { cwd: sandbox.work })
  expect(ran.stdout).toBe('Nothing found in 3 files.\n')
  expect(ran.code).toBe(0)
  expect([sandbox.tree(sandbox.work), sandbox.tree(sandbox.home)]).toEqual(before)
  expect(readdirSync(join(sandbox.root, 'runtime'))).toEqual([])
})

test('what a killed judgement has left goes with the next one, and what another one is at stays', async ({ sandbox }) => {
  sandbox.commit(CLEAN)
  const place = join(sandbox.root, 'runtime')
  const [left, busy] = ['gitops-gate-left', 'gitops-gate-busy'].map((name) => join(place, name)) as [string, string]
  for (const path of [left, busy]) mkdirSync(path)
  utimesSync(left, new Date(0), new Date(0))
  expect((await validate(sandbox)).code).toBe(0)
  expect(readdirSync(place)).toEqual(['gitops-gate-busy'])
})

test('without more words the work tree is judged as a commit of it would be, with --staged what is staged, with --commits what was committed', async ({
  sandbox,
}) => {
  sandbox.commit(CLEAN)
  sandbox.write(sandbox.work, { '.claude/settings.json': '{"staged": tru}\n' })
  sandbox.git(sandbox.work, 'add', '.claude/settings.json')
  sandbox.write(sandbox.work, { '.claude/settings.json': '{"a":\n  "present": tru}\n', '.claude/untracked.json': '{' })
  const before = sandbox.tree(sandbox.work)
  const present = await validate(sandbox)
  expect(present.places).toEqual(['.claude/settings.json:2:12 syntax/json'])
  expect(present.notes).toEqual(['not judged: ".claude/untracked.json", which is not tracked; git add it if it is to go live'])
  expect((await validate(sandbox, '--staged')).places).toEqual(['.claude/settings.json:1:15 syntax/json'])
  expect((await validate(sandbox, '--commits', 'HEAD~0..HEAD')).places).toEqual([])
  expect(sandbox.tree(sandbox.work)).toEqual(before)
})

test('of single files --staged looks at those that are staged, and passes over others that were broken before', async ({ sandbox }) => {
  sandbox.commit({ ...CLEAN, '.claude/old.json': '{' })
  sandbox.write(sandbox.work, { '.claude/new.json': '{' })
  sandbox.git(sandbox.work, 'add', '.claude/new.json')
  expect((await validate(sandbox, '--staged')).places).toEqual(['.claude/new.json:1:2 syntax/json'])
})

test('a config that does not load, or says nonsense, is a finding in its file, and so is one that is staged', async ({ sandbox }) => {
  sandbox.commit({ ...CLEAN, 'gitops.config.ts': CONFIG.replace("from: '.claude'", 'form: 1') })
  const nonsense = await validate(sandbox)
  expect(nonsense.findings.map(({ rule, path }) => `${rule} ${path}`)).toEqual([
    'config/invalid gitops.config.ts',
    'config/invalid gitops.config.ts',
  ])
  expect(nonsense.findings.map(({ message }) => message).join()).toContain('targets.claude.form: unknown key')
  sandbox.write(sandbox.work, { 'gitops.config.ts': `${CONFIG}\n}}}\n` })
  const broken = await validate(sandbox)
  expect(broken.places).toEqual([expect.stringMatching(/^gitops\.config\.ts:\d+:null config\/invalid$/)])
  sandbox.git(sandbox.work, 'add', '--all')
  sandbox.write(sandbox.work, { 'gitops.config.ts': CONFIG })
  expect((await validate(sandbox)).findings).toEqual([])
  const staged = await validate(sandbox, '--staged')
  expect(staged.findings.map(({ rule, path }) => `${rule} ${path}`)).toEqual(['config/invalid gitops.config.ts'])
  expect(staged.code).toBe(1)
})

test('people see the place, the line of the file with a mark below, and a sentence with the counts', async ({ sandbox }) => {
  sandbox.commit({ ...CLEAN, '.claude/a.json': '{\n\t"a": 1 "b"\n}\n' })
  const { stdout, code } = await sandbox.gitops(['validate'], { cwd: sandbox.work })
  expect(code).toBe(1)
  expect(stdout).toBe(
    [
      ".claude/a.json:2:9  error  Expected ',' or '}' after property value  syntax/json",
      '  2 |  "a": 1 "b"',
      '    |         ^',
      '',
      '1 error in 1 of 4 files.',
      '',
    ].join('\n'),
  )
})

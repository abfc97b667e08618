import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'
import { CLEAN, CONFIG, validate } from './support.ts'

const withChecks = (checks: string): string => CONFIG.replace('\n})', `\n  checks: { ${checks} },\n})`)

test('a check that reports is told by file, line and column in the repository, and what it warns of fails nothing', async ({ sandbox }) => {
  const run = `({ report, warn, stage, files }) => {
    report({ path: 'claude/settings.json', at: ['hooks', 'Stop', 0, 'command'], message: 'runs nothing', hint: 'Take it out.' })
    report({ path: 'claude/a.yaml', at: ['list', 1], message: 'is second' })
    report({ path: 'claude/CLAUDE.md', line: 2, column: 3, severity: 'warning', message: 'is dull' })
    report({ path: null, message: 'is all too much: ' + files.below(stage).length })
    warn('only this')
  }`
  sandbox.commit({
    ...CLEAN,
    '.claude/settings.json': '{\n  "hooks": {\n    "Stop": [\n      { "matcher": "", "command": "x" }\n    ]\n  }\n}\n',
    '.claude/a.yaml': 'list:\n  - one\n  - two\n',
    'gitops.config.ts': withChecks(`validate: [{ name: 'ours', run: ${run} }]`),
  })
  const { code, findings } = await validate(sandbox)
  expect(code).toBe(1)
  expect(findings.map(({ severity, path, line, column, message }) => [severity, path, line, column, message])).toEqual([
    ['warning', null, null, null, 'only this'],
    ['error', null, null, null, 'is all too much: 3'],
    ['warning', '.claude/CLAUDE.md', 2, 3, 'is dull'],
    ['error', '.claude/a.yaml', 3, 5, 'is second'],
    ['error', '.claude/settings.json', 4, 24, 'runs nothing'],
  ])
  expect([...new Set(findings.map(({ rule }) => rule))]).toEqual(['check/ours'])
})

test('a reconcile with a check that reports an error is refused with each sentence, and says the warnings', async ({ sandbox }) => {
  const run = `({ report }) => {
    report({ path: 'claude/settings.json', at: ['b'], message: 'b is wrong' })
    report({ path: 'claude/settings.json', severity: 'warning', message: 'is odd' })
  }`
  sandbox.commit({
    ...CLEAN,
    '.claude/settings.json': '{\n  "a": 1,\n  "b": 2\n}\n',
    'gitops.config.ts': withChecks(`validate: [{ name: 'ours', run: ${run} }]`),
  })
  const { code, said } = await sandbox.gitops(['reconcile'], { cwd: sandbox.work })
  expect(code).toBe(5)
  expect(said).toContain('check "ours" failed: claude/settings.json:3:3: b is wrong')
  expect(said).toContain('check "ours": claude/settings.json: is odd')
})

test('a command that fails is one finding with what it printed, run on the candidate in a private directory that is gone afterwards', async ({
  sandbox,
}) => {
  const seen = join(sandbox.root, 'seen')
  sandbox.commit({
    ...CLEAN,
    '.claude/run.sh': { text: '#!/bin/sh\n', mode: 0o755 },
    'gitops.config.ts': withChecks(`validate: [{ name: 'ours', run: 'pwd > ${seen}; ls -l claude >> ${seen}; echo so not >&2; exit 3' }]`),
  })
  const { code, findings } = await validate(sandbox)
  expect([code, findings.map(({ rule, path }) => [rule, path])]).toEqual([1, [['check/ours', null]]])
  expect(findings[0]?.message).toMatch(/^check "ours" failed with exit code 3: .*\nso not$/s)
  const [stage = '', ...listing] = readFileSync(seen, 'utf8').split('\n')
  expect(listing.join('\n')).toMatch(/-rwx------ .* run\.sh/)
  expect(existsSync(stage)).toBe(false)
})

test('checks run under --staged when something they see has changed, be it only gone, and not otherwise', async ({ sandbox }) => {
  const run = "({ files, stage }) => { if (files.kind(stage + '/claude/needed.sh') === null) throw new Error('needed.sh is gone') }"
  sandbox.commit({ ...CLEAN, '.claude/needed.sh': 'x\n', 'gitops.config.ts': withChecks(`validate: [{ name: 'ours', run: ${run} }]`) })
  sandbox.write(sandbox.work, { 'README.md': 'x\n' })
  sandbox.git(sandbox.work, 'add', '--all')
  expect((await validate(sandbox, '--staged')).code).toBe(0)
  sandbox.git(sandbox.work, 'rm', '-q', '.claude/needed.sh')
  const gone = await validate(sandbox, '--staged')
  expect(gone.findings.map(({ message }) => message)).toEqual(['check "ours" failed: needed.sh is gone'])
})

test('checks do not run on a tree that cannot be put in place, and it is said', async ({ sandbox }) => {
  sandbox.commit({
    ...CLEAN,
    '.claude/out': { link: '/etc/passwd' },
    'gitops.config.ts': withChecks("validate: [{ name: 'ours', run: 'cat claude/out; exit 1' }]"),
  })
  const { findings, notes } = await validate(sandbox)
  expect(findings.map(({ rule }) => rule)).toEqual(['tree/link-outside'])
  expect(notes).toEqual(['not run: ours; the tree cannot be put in place as it is'])
})

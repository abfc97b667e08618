import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { test, type Ran, type Sandbox } from '../support/sandbox.ts'
import { CLEAN } from './support.ts'

const CLI = resolve(import.meta.dirname, '../../dist/lib/cli/main.js')
const SECRET = {
  '.sops.yaml':
    'creation_rules:\n  - path_regex: secret\\.json$\n    age: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n',
}
const PLAIN = { 'secret.json': '{"token": "not encrypted at all"}\n' }

/** A repository as `npm install` leaves it. */
function project(sandbox: Sandbox): void {
  sandbox.commit({ ...CLEAN, ...SECRET, '.gitignore': 'node_modules\n' })
  mkdirSync(join(sandbox.work, 'node_modules/.bin'), { recursive: true })
  symlinkSync(CLI, join(sandbox.work, 'node_modules/.bin/gitops'))
}

function hooks(sandbox: Sandbox, action: string, cwd = sandbox.work): Promise<Ran> {
  return sandbox.gitops(['hooks', action], { cwd })
}

function git(sandbox: Sandbox, ...args: string[]): { code: number | null; said: string } {
  const ran = spawnSync('git', args, { cwd: sandbox.work, env: sandbox.env, encoding: 'utf8' })
  return { code: ran.status, said: ran.stdout + ran.stderr }
}

/** Somebody's own hook, executable or not. */
function own(sandbox: Sandbox, name: string, text: string, mode = 0o755): void {
  sandbox.write(join(sandbox.work, '.git/hooks'), { [name]: text })
  chmodSync(join(sandbox.work, '.git/hooks', name), mode)
}

test('what is staged in clear is not committed, what is not staged is not judged, and a partly staged file is judged as it is staged', async ({
  sandbox,
}) => {
  project(sandbox)
  expect((await hooks(sandbox, 'install')).code).toBe(0)
  sandbox.write(sandbox.work, PLAIN)
  sandbox.git(sandbox.work, 'add', 'secret.json')
  const refused = git(sandbox, 'commit', '-m', 'leak')
  expect(refused.said).toContain('sops/unencrypted')
  expect(refused.code).not.toBe(0)
  sandbox.git(sandbox.work, 'rm', '--cached', '--quiet', 'secret.json')
  sandbox.write(sandbox.work, { '.claude/settings.json': '{"a": 1}\n' })
  sandbox.git(sandbox.work, 'add', '.claude/settings.json')
  sandbox.write(sandbox.work, { '.claude/settings.json': '{"a": ' })
  expect(git(sandbox, 'commit', '-m', 'good as staged')).toMatchObject({ code: 0 })
  expect(git(sandbox, 'commit', '-am', 'broken').said).toContain('syntax/json')
})

test('a push is refused that brings a secret which a later commit takes out again', async ({ sandbox }) => {
  project(sandbox)
  sandbox.write(sandbox.work, { 'notes.txt': `${['ghp', 'aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1cD3'].join('_')}\n` })
  sandbox.git(sandbox.work, 'add', 'notes.txt')
  sandbox.git(sandbox.work, 'commit', '--quiet', '-m', 'leak')
  sandbox.git(sandbox.work, 'rm', '--quiet', 'notes.txt')
  sandbox.git(sandbox.work, 'commit', '--quiet', '-m', 'out again')
  expect((await hooks(sandbox, 'install')).code).toBe(0)
  const refused = git(sandbox, 'push', 'origin', 'HEAD')
  expect(refused.said).toContain('leak/github')
  expect(refused.code).not.toBe(0)
})

test('hooks that are there still run, with what Git tells them; installing twice is installing once, and uninstall gives back every byte', async ({
  sandbox,
}) => {
  project(sandbox)
  own(sandbox, 'pre-commit', '#!/usr/bin/env node\nrequire("fs").writeFileSync("ran", "other language")\n')
  own(sandbox, 'pre-push', '#!/bin/sh\nset -e\necho "$1" > pushed\ncat >> pushed\nexit 0\n', 0o750)
  const before = sandbox.tree(join(sandbox.work, '.git/hooks'))
  expect((await hooks(sandbox, 'install')).code).toBe(0)
  const installed = sandbox.tree(join(sandbox.work, '.git/hooks'))
  expect((await hooks(sandbox, 'install')).stdout).toContain('already')
  expect(sandbox.tree(join(sandbox.work, '.git/hooks'))).toEqual(installed)
  expect(statSync(join(sandbox.work, '.git/hooks/pre-push')).mode & 0o777).toBe(0o750)

  sandbox.write(sandbox.work, { '.claude/settings.json': '{"a": 2}\n' })
  expect(git(sandbox, 'commit', '-qam', 'good')).toMatchObject({ code: 0 })
  expect(readFileSync(join(sandbox.work, 'ran'), 'utf8')).toBe('other language')
  expect(git(sandbox, 'push', 'origin', 'HEAD')).toMatchObject({ code: 0 })
  expect(readFileSync(join(sandbox.work, 'pushed'), 'utf8')).toMatch(
    /^origin\nrefs\/heads\/main \w+ refs\/heads\/main \w+\n$|^origin\nHEAD \w+ refs\/heads\/main \w+\n$/,
  )

  expect((await hooks(sandbox, 'uninstall')).code).toBe(0)
  expect(sandbox.tree(join(sandbox.work, '.git/hooks'))).toEqual(before)
})

test('a hook that Git does not run, for it is not executable, does not begin to', async ({ sandbox }) => {
  project(sandbox)
  own(sandbox, 'pre-commit', '#!/bin/sh\nexit 1\n', 0o644)
  await hooks(sandbox, 'install')
  sandbox.write(sandbox.work, { '.claude/settings.json': '{"a": 2}\n' })
  expect(git(sandbox, 'commit', '-qam', 'good')).toMatchObject({ code: 0 })
  await hooks(sandbox, 'uninstall')
  expect(statSync(join(sandbox.work, '.git/hooks/pre-commit')).mode & 0o777).toBe(0o644)
})

test('where gitops is not found a hook says so and blocks nothing', async ({ sandbox }) => {
  sandbox.commit(CLEAN)
  await hooks(sandbox, 'install')
  sandbox.write(sandbox.work, { '.claude/settings.json': '{' })
  const ran = git(sandbox, 'commit', '-qam', 'unjudged')
  expect(ran).toMatchObject({ code: 0 })
  expect(ran.said).toContain('gitops: not found, so that nothing was judged')
})

test("with husky the team's own files get a block, with lefthook nothing is written and the lines to add are printed", async ({
  sandbox,
}) => {
  project(sandbox)
  sandbox.write(sandbox.work, { '.husky/pre-commit': 'echo theirs\n', '.husky/_/h': '' })
  sandbox.git(sandbox.work, 'config', 'core.hooksPath', '.husky/_')
  expect((await hooks(sandbox, 'install')).code).toBe(0)
  expect(readFileSync(join(sandbox.work, '.husky/pre-commit'), 'utf8')).toMatch(/^# >>> gitops >>>\n[^]*# <<< gitops <<<\necho theirs\n$/)
  expect(readFileSync(join(sandbox.work, '.husky/pre-commit'), 'utf8')).not.toContain(process.execPath)
  expect((await hooks(sandbox, 'uninstall')).code).toBe(0)
  expect(readFileSync(join(sandbox.work, '.husky/pre-commit'), 'utf8')).toBe('echo theirs\n')
  expect(existsSync(join(sandbox.work, '.husky/pre-push'))).toBe(false)
  sandbox.write(sandbox.work, { 'lefthook.yml': '' })
  const told = await hooks(sandbox, 'install')
  expect(told.stdout).toContain('gitops validate --pre-push')
  expect(told.code).toBe(1)
})

test('hooks outside of the repository are left alone; a linked work tree has the hooks of its repository', async ({ sandbox }) => {
  project(sandbox)
  const linked = join(sandbox.root, 'linked')
  sandbox.git(sandbox.work, 'worktree', 'add', '--quiet', linked)
  expect((await hooks(sandbox, 'install', linked)).code).toBe(0)
  expect((await hooks(sandbox, 'status')).stdout).toMatch(/pre-commit runs gitops\.\n.*pre-push runs gitops\.\n$/)
  const outside = join(sandbox.root, 'outside')
  mkdirSync(outside)
  symlinkSync(outside, join(sandbox.work, '.shared'))
  for (const path of [outside, '.shared']) {
    sandbox.git(sandbox.work, 'config', 'core.hooksPath', path)
    const refused = await hooks(sandbox, 'install')
    expect(refused.stderr).toContain('lie outside of it')
    expect(refused.code).toBe(2)
  }
  expect(sandbox.tree(outside)).toEqual({})
  expect((await sandbox.gitops(['hooks', 'dance'], { cwd: sandbox.work })).code).toBe(2)
})

import { join } from 'node:path'
import { expect } from 'vitest'
import { test } from '../support/sandbox.ts'

const GOLDEN = join(import.meta.dirname, 'golden')

test('help tells every command, and --help of each tells its options, with exit code 0 and nothing read', async ({ sandbox }) => {
  const general = await sandbox.gitops(['--help'])
  expect(general.code).toBe(0)
  expect(general.stderr).toBe('')
  expect((await sandbox.gitops([])).stdout).toBe(general.stdout)
  const commands = [...general.stdout.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name = '']) => name)
  expect(commands).toEqual(expect.arrayContaining(['reconcile', 'status', 'diff', 'rollback', 'retry', 'decrypt', 'encrypt']))

  const pages = [general.stdout]
  for (const command of commands) {
    const page = await sandbox.gitops([command, '--help'])
    expect(page.code).toBe(0)
    expect(page.stderr).toBe('')
    expect(page.stdout).toMatch(new RegExp(`^Usage: gitops ${command}\\b`))
    expect(page.stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    pages.push(page.stdout)
  }
  await expect(pages.join('\n----\n\n')).toMatchFileSnapshot(join(GOLDEN, 'help.txt'))
  expect(sandbox.tree(sandbox.home)).toEqual({})
})

test('a typo gets one sentence with a suggestion, exit code 2, and nothing is done', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{}\n' })
  sandbox.config()
  for (const [args, sentence] of [
    [['reconcile', '--dry-rnu'], "gitops: unknown option '--dry-rnu'\n(Did you mean --dry-run?)\n`gitops --help` tells what there is.\n"],
    [['reconcille'], /^gitops: unknown command 'reconcille'\. Known: reconcile, .+\n.+\n$/],
    [['nosuch', '--help'], /^gitops: unknown command 'nosuch'/],
    [['constructor', '--help'], /^gitops: unknown command 'constructor'/],
    [['reconcile', 'extra'], /^gitops: too many arguments/],
  ] as const) {
    const ran = await sandbox.gitops(args)
    expect(ran.code).toBe(2)
    expect(ran.stdout).toBe('')
    if (typeof sentence === 'string') expect(ran.stderr).toBe(sentence)
    else expect(ran.stderr).toMatch(sentence)
  }
  expect(sandbox.tree(sandbox.home)).toEqual({})
})

import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { test, type Ran, type Sandbox } from '../support/sandbox.ts'

/** The config that lies in the repository itself. */
const config = (more = '', ref = ''): string =>
  `import { defineConfig } from 'gitops'\nexport default defineConfig({ name: 'story', sources: { team: { repo: '.', ${ref} } }, targets: { claude: { from: '.claude', to: '~/.claude' } }, ${more} })\n`

const text = (version: string): Record<string, string> => ({ '.claude/settings.json': `{"version":"${version}"}\n` })

/** Publishes a first commit with config and content, and clones it as a colleague would. */
function published(sandbox: Sandbox, ...how: string[]): string {
  sandbox.commit({ 'gitops.config.ts': config(), 'README.md': 'one\n', ...text('one') })
  return cloned(sandbox, 'here', ...how)
}

function cloned(sandbox: Sandbox, name: string, ...how: string[]): string {
  sandbox.git(sandbox.root, 'clone', '--quiet', ...how, `file://${sandbox.remote}`, name)
  return join(sandbox.root, name)
}

function commitIn(sandbox: Sandbox, directory: string, files: Record<string, string>): string {
  sandbox.write(directory, files)
  sandbox.git(directory, 'add', '--all')
  sandbox.git(directory, 'commit', '--quiet', '-m', 'local')
  return sandbox.git(directory, 'rev-parse', 'HEAD')
}

const version = (sandbox: Sandbox): string => (JSON.parse(sandbox.live('.claude/settings.json')) as { version: string }).version
const head = (sandbox: Sandbox, directory: string): string => sandbox.git(directory, 'rev-parse', 'HEAD')

/** Reconciles in a clone; the files are of that version afterwards. */
async function brings(sandbox: Sandbox, directory: string, wanted: string, ...says: string[]): Promise<Ran> {
  const ran = await sandbox.gitops(['reconcile'], { cwd: directory })
  expect(ran.said).toMatch(/^(Applied|In sync): team/m)
  for (const words of says) expect(ran.said).toContain(words)
  expect(ran.code).toBe(0)
  expect(version(sandbox)).toBe(wanted)
  return ran
}

const verdicts = (ran: Ran): Record<string, unknown>[] =>
  ran.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['kind'] === 'verdict')

describe('the clone that holds the config, as it is', () => {
  test('a fresh clone', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    await brings(sandbox, here, 'one', 'In sync: team')
  })

  test('a shallow clone, before and after it falls behind', async ({ sandbox }) => {
    sandbox.commit({ 'gitops.config.ts': config(), ...text('zero') })
    sandbox.commit({ x: '1' })
    const here = published(sandbox, '--depth', '1')
    await brings(sandbox, here, 'one')
    sandbox.commit(text('two'))
    const tip = sandbox.commit(text('three'))
    await brings(sandbox, here, 'three')
    expect(head(sandbox, here)).toBe(tip)
    expect(existsSync(join(here, '.git/shallow'))).toBe(true)
  })

  test('a clone without its files: objects that are missing come when they are needed', async ({ sandbox }) => {
    sandbox.git(sandbox.remote, 'config', 'uploadpack.allowFilter', 'true')
    const here = published(sandbox, '--filter=blob:none')
    await brings(sandbox, here, 'one')
    sandbox.commit(text('two'))
    await brings(sandbox, here, 'two')
  })

  test('a detached HEAD: its commit is wanted, and nothing moves', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.git(here, 'checkout', '--quiet', '--detach')
    const before = head(sandbox, here)
    sandbox.commit(text('two'))
    await brings(sandbox, here, 'one', 'detached HEAD, nothing to pull')
    expect(head(sandbox, here)).toBe(before)
  })

  test('no remote at all: the local commit is wanted', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.git(here, 'remote', 'remove', 'origin')
    await brings(sandbox, here, 'one')
    commitIn(sandbox, here, text('mine'))
    await brings(sandbox, here, 'mine')
  })

  test('a branch that was never published', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.git(here, 'switch', '--quiet', '-c', 'mine/try')
    commitIn(sandbox, here, text('mine'))
    await brings(sandbox, here, 'mine')
  })

  test('a branch whose remote branch has been deleted', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.git(here, 'switch', '--quiet', '-c', 'passing')
    commitIn(sandbox, here, text('passing'))
    sandbox.git(here, 'push', '--quiet', '-u', 'origin', 'passing')
    await brings(sandbox, here, 'passing')
    sandbox.git(sandbox.remote, 'update-ref', '-d', 'refs/heads/passing')
    await brings(sandbox, here, 'passing')
  })

  test('a branch that follows another name at another remote', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.git(here, 'remote', 'rename', 'origin', 'up.stream')
    sandbox.git(here, 'switch', '--quiet', '-c', 'Mine', '--track', 'up.stream/main')
    sandbox.commit(text('two'))
    await brings(sandbox, here, 'two')
  })

  test('a linked worktree, behind its branch', async ({ sandbox }) => {
    const here = published(sandbox)
    const linked = join(sandbox.root, 'linked')
    sandbox.git(here, 'worktree', 'add', '--quiet', '-b', 'linked', '--track', linked, 'origin/main')
    await brings(sandbox, linked, 'one')
    const tip = sandbox.commit({ ...text('two'), 'gitops.config.ts': config('schedule: { every: "5m" }') })
    await brings(sandbox, linked, 'two')
    expect(head(sandbox, linked)).toBe(tip)
    expect(head(sandbox, here)).not.toBe(tip)
  })

  test('a bare repository named by GITOPS_REPO_PATH, with the config elsewhere', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    sandbox.write(sandbox.site, { 'gitops.config.ts': config() })
    const bare = cloned(sandbox, 'bare.git', '--bare')
    const run = (): Promise<Ran> =>
      sandbox.gitops(['reconcile', '--config', join(sandbox.site, 'gitops.config.ts')], { env: { GITOPS_REPO_PATH: bare } })
    expect((await run()).said).toContain('Applied: team')
    expect(version(sandbox)).toBe('one')
  })

  test('a config in a bare repository, which some keep as a home for dotfiles', async ({ sandbox }) => {
    sandbox.commit(text('one'))
    const bare = cloned(sandbox, 'bare.git', '--bare')
    sandbox.write(bare, { 'gitops.config.ts': config() })
    await brings(sandbox, bare, 'one')
  })

  test('a config in a subdirectory, reached through a link', async ({ sandbox }) => {
    sandbox.commit({ 'ops/deep/gitops.config.ts': config(), ...text('one') })
    const here = cloned(sandbox, 'here')
    symlinkSync(join(here, 'ops/deep'), join(sandbox.root, 'link'))
    await brings(sandbox, join(sandbox.root, 'link'), 'one')
    const tip = sandbox.commit(text('two'))
    await brings(sandbox, join(sandbox.root, 'link'), 'two')
    expect(head(sandbox, here)).toBe(tip)
  })

  test('a repository without a commit is said in a sentence', async ({ sandbox }) => {
    sandbox.git(sandbox.site, 'init', '--quiet', '--initial-branch=main')
    sandbox.write(sandbox.site, { 'gitops.config.ts': config() })
    const { code, said } = await sandbox.gitops(['reconcile'])
    expect(code).toBe(1)
    expect(said).toContain('Failed: team')
    expect(said).not.toMatch(/^\s+at /m)
  })
})

describe('behind its remote', () => {
  test('the branch is fast-forwarded and the new content applied', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    const tip = sandbox.commit({ ...text('two'), 'README.md': 'two\n' })
    await brings(sandbox, here, 'two')
    expect(head(sandbox, here)).toBe(tip)
    expect(readFileSync(join(here, 'README.md'), 'utf8')).toBe('two\n')
    expect(sandbox.git(here, 'status', '--porcelain')).toBe('')
  })

  test('the pulled config is used in the same command, which speaks one verdict', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    const tip = sandbox.commit({
      ...text('two'),
      '.agents/x.md': 'agent\n',
      'gitops.config.ts': config().replace("'~/.claude' }", "'~/.claude' }, agents: { from: '.agents', to: '~/.agents' }"),
    })
    const ran = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(ran.code).toBe(0)
    expect(ran.said.match(/^(Applied|In sync|Failed|Rolled back|Refused)/gm)).toEqual(['Applied'])
    expect(ran.said).toContain(`Applied: team ${tip.slice(0, 7)}, 1 created, 1 updated.`)
    expect(sandbox.live('.agents/x.md')).toBe('agent\n')
    expect(existsSync(join(sandbox.state, 'lock'))).toBe(true)
    expect(Object.keys(sandbox.tree(join(sandbox.state, 'lock')))).toEqual([])
  })

  test('with --json too: one verdict, the last line, with the exit code of the process', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    const tip = sandbox.commit({
      ...text('bad'),
      'gitops.config.ts': config("checks: { smoke: [{ name: 'not bad', run: '! grep -q bad ~/.claude/settings.json' }] }"),
    })
    const ran = await sandbox.gitops(['reconcile', '--json'], { cwd: here })
    expect(ran.code).toBe(6)
    expect(verdicts(ran)).toEqual([expect.objectContaining({ outcome: 'rolled-back', exitCode: 6, revisions: { team: tip } })])
    expect(ran.stdout.trim().split('\n').at(-1)).toContain('"kind":"verdict"')
    expect(version(sandbox)).toBe('one')
  })

  test('a dry run moves nothing and shows what would come', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    const before = head(sandbox, here)
    sandbox.commit(text('two'))
    const ran = await sandbox.gitops(['reconcile', '--dry-run'], { cwd: here })
    expect(ran.code).toBe(3)
    expect(ran.said).toContain('Would apply: team')
    expect(head(sandbox, here)).toBe(before)
    expect(version(sandbox)).toBe('one')
  })

  test('where also the memory of how to pull is damaged, a config that does not load is one sentence, and that is said', async ({
    sandbox,
  }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    const memory = readdirSync(join(here, '.git')).find((name) => /^gitops-.*\.json$/.test(name)) ?? ''
    writeFileSync(join(here, '.git', memory), 'damaged')
    writeFileSync(join(here, 'gitops.config.ts'), 'export default {{\n')
    for (const command of ['reconcile', 'status']) {
      const ran = await sandbox.gitops([command], { cwd: here })
      expect(ran.code, ran.said).toBe(2)
      expect(ran.said).toContain('does not load')
      expect(ran.stderr).toContain(
        `${memory}, which says how the last config that loaded pulls, is damaged and does not count: it is cut off`,
      )
      expect(ran.said).not.toContain('this is a bug')
    }
  })

  test('a pulled config that does not load changes nothing, and the fix arrives by itself', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    sandbox.commit({ ...text('broken'), 'gitops.config.ts': 'export default {{\n' })
    for (const args of [['reconcile'], ['reconcile', '--json'], ['reconcile']]) {
      const ran = await sandbox.gitops(args, { cwd: here })
      expect(ran.code).toBe(2)
      expect(ran.said).toContain('does not load')
      expect(ran.said).not.toMatch(/^\s+at /m)
      if (args.includes('--json')) expect(verdicts(ran)).toEqual([expect.objectContaining({ outcome: 'failed', exitCode: 2 })])
      expect(version(sandbox)).toBe('one')
    }
    const status = await sandbox.gitops(['status'], { cwd: here })
    expect(status.code).toBe(2)
    expect(status.said).toContain('does not load')
    expect(status.stdout).toContain('last applied')
    const known = JSON.parse((await sandbox.gitops(['status', '--json'], { cwd: here })).stdout) as {
      configBroken: string
      sources: { ready: boolean; applied: { commit: string } }[]
    }
    expect(known.configBroken).toContain('does not load')
    expect(known.sources).toMatchObject([{ ready: false, applied: { commit: expect.stringMatching(/^[0-9a-f]{40}$/) as string } }])

    sandbox.commit({ ...text('still'), 'gitops.config.ts': "throw new Error('still wrong')\n" })
    expect((await sandbox.gitops(['reconcile'], { cwd: here })).said).toContain('still wrong')
    sandbox.commit({ ...text('fixed'), 'gitops.config.ts': config() })
    const fixed = await sandbox.gitops(['reconcile', '--json'], { cwd: here })
    expect(fixed.code).toBe(0)
    expect(verdicts(fixed)).toHaveLength(1)
    expect(version(sandbox)).toBe('fixed')
  })

  test('the same in a linked worktree', async ({ sandbox }) => {
    const here = published(sandbox)
    const linked = join(sandbox.root, 'linked')
    sandbox.git(here, 'worktree', 'add', '--quiet', '-b', 'linked', '--track', linked, 'origin/main')
    await brings(sandbox, linked, 'one')
    sandbox.commit({ 'gitops.config.ts': 'export default {{\n' })
    expect((await sandbox.gitops(['reconcile'], { cwd: linked })).code).toBe(2)
    sandbox.commit({ ...text('fixed'), 'gitops.config.ts': config() })
    await brings(sandbox, linked, 'fixed')
  })

  test('a pulled commit that takes the config away is mended by the one that brings it back', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    sandbox.commit({ 'gitops.config.ts': null })
    const ran = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(ran.code).toBe(2)
    expect(version(sandbox)).toBe('one')
    sandbox.commit({ ...text('back'), 'gitops.config.ts': config() })
    await brings(sandbox, here, 'back')
  })

  test('a config that was renamed upstream is followed', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    sandbox.commit({ 'gitops.config.ts': null })
    sandbox.commit({ ...text('renamed'), 'gitops.config.mts': config() })
    await brings(sandbox, here, 'renamed')
    await brings(sandbox, here, 'renamed', 'In sync')
  })

  test('no hook and no fsmonitor of the clone is run', async ({ sandbox }) => {
    const here = published(sandbox)
    const witness = join(sandbox.root, 'witness')
    const trap = `#!/bin/sh\ntouch '${witness}'\n`
    for (const name of ['post-checkout', 'post-merge', 'pre-merge-commit', 'reference-transaction', 'post-index-change', 'pre-auto-gc'])
      sandbox.write(here, { [`.git/hooks/${name}`]: { text: trap, mode: 0o755 } })
    sandbox.write(sandbox.root, { trap: { text: trap, mode: 0o755 } })
    sandbox.git(here, 'config', 'core.fsmonitor', join(sandbox.root, 'trap'))
    sandbox.git(here, 'config', 'core.pager', join(sandbox.root, 'trap'))
    rmSync(witness, { force: true })
    const tip = sandbox.commit(text('two'))
    await brings(sandbox, here, 'two')
    expect(head(sandbox, here)).toBe(tip)
    expect(existsSync(witness)).toBe(false)
  })

  test('whatever the user has set for merge, pull and fetch, only a fast-forward is made', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.git(here, 'tag', 'mine')
    const settings = {
      'merge.ff': 'false',
      'pull.rebase': 'true',
      'merge.autoStash': 'true',
      'branch.main.mergeOptions': '--squash',
      'fetch.prune': 'true',
      'fetch.pruneTags': 'true',
      'fetch.recurseSubmodules': 'true',
      'remote.origin.tagOpt': '--tags',
      'merge.verifySignatures': 'false',
      'core.quotePath': 'true',
      'color.ui': 'always',
      'core.abbrev': '4',
      'status.branch': 'true',
    }
    for (const [key, value] of Object.entries(settings)) sandbox.git(here, 'config', key, value)
    const tip = sandbox.commit(text('two'))
    await brings(sandbox, here, 'two')
    expect(head(sandbox, here)).toBe(tip)
    expect(sandbox.git(here, 'tag')).toBe('mine')
  })

  test('a remote that is gone is said, and nothing changes', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    sandbox.git(here, 'remote', 'set-url', 'origin', 'file:///nowhere/at/all')
    const { code, said } = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(code).toBe(1)
    expect(said).toContain('source team could not be fetched')
    expect(version(sandbox)).toBe('one')
  })
})

describe('behind, with somebody at work in the clone', () => {
  test('a change in an unrelated path stays, and the branch moves', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.write(here, { 'README.md': 'mine\n', 'notes.txt': 'untracked\n' })
    const tip = sandbox.commit(text('two'))
    await brings(sandbox, here, 'two')
    expect(head(sandbox, here)).toBe(tip)
    expect(readFileSync(join(here, 'README.md'), 'utf8')).toBe('mine\n')
    expect(readFileSync(join(here, 'notes.txt'), 'utf8')).toBe('untracked\n')
  })

  for (const [what, upstream, local] of [
    ['a change in a changed path', { 'README.md': 'two\n' }, { 'README.md': 'mine\n' }],
    ['an untracked file where a new one comes', { 'new.txt': 'theirs\n' }, { 'new.txt': 'mine\n' }],
  ] as const) {
    test(`${what} stays, the work tree waits, and the new commit is applied all the same`, async ({ sandbox }) => {
      const here = published(sandbox)
      const before = head(sandbox, here)
      sandbox.write(here, local)
      sandbox.commit({ ...text('two'), ...upstream })
      await brings(sandbox, here, 'two', `the work tree in ${here} stays`)
      expect(head(sandbox, here)).toBe(before)
      for (const [path, content] of Object.entries(local)) expect(readFileSync(join(here, path), 'utf8')).toBe(content)
      expect(sandbox.git(here, 'stash', 'list')).toBe('')
      const again = await sandbox.gitops(['reconcile'], { cwd: here })
      expect(again.said).toContain('In sync')
    })
  }

  for (const [what, stop] of [
    ['a rebase', (directory: string) => mkdirSync(join(directory, '.git/rebase-merge'))],
    ['a mail series', (directory: string) => mkdirSync(join(directory, '.git/rebase-apply'))],
    ['a merge', (directory: string) => writeFileSync(join(directory, '.git/MERGE_HEAD'), '')],
    ['a cherry-pick', (directory: string) => writeFileSync(join(directory, '.git/CHERRY_PICK_HEAD'), '')],
    ['a bisect', (directory: string) => writeFileSync(join(directory, '.git/BISECT_LOG'), '')],
    ['another Git command', (directory: string) => writeFileSync(join(directory, '.git/index.lock'), '')],
  ] as const) {
    test(`${what} under way: the work tree waits, the new commit is applied`, async ({ sandbox }) => {
      const here = published(sandbox)
      const before = head(sandbox, here)
      stop(here)
      const kept = sandbox.tree(join(here, '.git'))
      sandbox.commit(text('two'))
      await brings(sandbox, here, 'two', `the work tree in ${here} stays`)
      expect(head(sandbox, here)).toBe(before)
      for (const path of Object.keys(kept).filter((each) => /index|rebase|MERGE|CHERRY|BISECT|^HEAD/.test(each)))
        expect([path, sandbox.tree(join(here, '.git'))[path]]).toEqual([path, kept[path]])
    })
  }

  test('a real rebase that stopped: HEAD is detached there, and its commit is what is wanted', async ({ sandbox }) => {
    const here = published(sandbox)
    commitIn(sandbox, here, { 'README.md': 'mine\n' })
    sandbox.commit({ ...text('two'), 'README.md': 'two\n' })
    expect(() => sandbox.git(here, 'pull', '--quiet', '--rebase')).toThrow()
    const before = sandbox.tree(here)
    await brings(sandbox, here, 'two')
    const after = sandbox.tree(here)
    for (const path of ['README.md', '.git/HEAD', '.git/rebase-merge/head-name']) expect(after[path]).toBe(before[path])
  })

  test('a changed config that cannot be moved to: config and content stay of one commit, and it is said', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    sandbox.write(here, { 'README.md': 'mine\n' })
    sandbox.commit({ ...text('two'), 'README.md': 'two\n', 'gitops.config.ts': config("checks: { smoke: [{ name: 'x', run: 'false' }] }") })
    const { said } = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(said).toContain('Behind')
    expect(version(sandbox)).toBe('one')
    expect((await sandbox.gitops(['status'], { cwd: here })).said).toContain('Behind')
  })

  test('the same when only a module that the config imports has changed', async ({ sandbox }) => {
    sandbox.commit({
      'gitops.config.ts': `import { where } from './ops/where.ts'\n${config().replace("'~/.claude'", 'where')}`,
      'ops/where.ts': "export const where: string = '~/.claude'\n",
      'README.md': 'one\n',
      ...text('one'),
    })
    const here = cloned(sandbox, 'here')
    await brings(sandbox, here, 'one')
    sandbox.write(here, { 'README.md': 'mine\n' })
    sandbox.commit({ ...text('two'), 'README.md': 'two\n', 'ops/where.ts': "export const where: string = '~/.other'\n" })
    const { said } = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(said).toContain('Behind')
    expect(version(sandbox)).toBe('one')
  })

  test('what lies in the work tree is never applied, only what is committed', async ({ sandbox }) => {
    const here = published(sandbox)
    sandbox.write(here, { ...text('dirty'), '.claude/untracked.md': 'x' })
    sandbox.git(here, 'add', '--all')
    sandbox.write(here, text('dirtier'))
    await brings(sandbox, here, 'one')
    expect(existsSync(join(sandbox.home, '.claude/untracked.md'))).toBe(false)
    sandbox.git(here, 'commit', '--quiet', '-m', 'staged')
    await brings(sandbox, here, 'dirty')
    chmodSync(join(here, '.claude'), 0o755)
  })

  test('assume-unchanged, sparse checkout and filters change nothing about it', async ({ sandbox }) => {
    sandbox.commit({ '.gitattributes': '*.json text eol=crlf ident filter=shout\n', 'gitops.config.ts': config(), ...text('one') })
    const here = cloned(sandbox, 'here')
    sandbox.git(here, 'sparse-checkout', 'set', '--no-cone', '/gitops.config.ts')
    sandbox.git(here, 'config', 'filter.shout.smudge', 'tr a-z A-Z')
    sandbox.git(here, 'config', 'filter.shout.clean', 'tr a-z A-Z')
    expect(existsSync(join(here, '.claude'))).toBe(false)
    await brings(sandbox, here, 'one')
    expect(sandbox.live('.claude/settings.json')).toBe('{"version":"one"}\n')
    sandbox.commit(text('two'))
    await brings(sandbox, here, 'two')
  })
})

describe('not behind', () => {
  test('ahead: the local commits are wanted', async ({ sandbox }) => {
    const here = published(sandbox)
    const mine = commitIn(sandbox, here, text('mine'))
    await brings(sandbox, here, 'mine', 'local commits are ahead of the remote')
    expect(head(sandbox, here)).toBe(mine)
    expect(sandbox.git(sandbox.remote, 'rev-parse', 'main')).not.toBe(mine)
  })

  test('diverged: the local tip is wanted, nothing moves, and status says so', async ({ sandbox }) => {
    const here = published(sandbox)
    const mine = commitIn(sandbox, here, text('mine'))
    sandbox.commit(text('theirs'))
    const ran = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(ran.said).toContain('Diverged: main and its remote have both moved')
    expect(version(sandbox)).toBe('mine')
    expect(head(sandbox, here)).toBe(mine)
    const status = await sandbox.gitops(['status', '--json', '--fetch'], { cwd: here })
    expect(status.stdout).toContain('Diverged')
    expect(JSON.parse(status.stdout)).toMatchObject({ sources: [{ ready: false }] })
  })

  test('a remote whose history was rewritten has diverged too: local commits are never thrown away', async ({ sandbox }) => {
    const here = published(sandbox)
    await brings(sandbox, here, 'one')
    const before = head(sandbox, here)
    sandbox.git(sandbox.work, 'commit', '--quiet', '--amend', '-m', 'rewritten')
    sandbox.commit(text('rewritten'))
    expect((await sandbox.gitops(['reconcile'], { cwd: here })).said).toContain('Diverged')
    expect(head(sandbox, here)).toBe(before)
    expect(version(sandbox)).toBe('one')
  })
})

describe('a ref of its own', () => {
  test('another branch than the checked-out one is followed at the remote, and nothing is checked out', async ({ sandbox }) => {
    sandbox.commit({ 'gitops.config.ts': config('', "ref: 'live'"), ...text('one') })
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'main:live')
    const here = cloned(sandbox, 'here')
    await brings(sandbox, here, 'one')
    const before = sandbox.tree(join(here, '.claude'))
    sandbox.commit(text('main only'))
    await brings(sandbox, here, 'one')
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'main:live')
    await brings(sandbox, here, 'main only')
    expect(sandbox.tree(join(here, '.claude'))).toEqual(before)
    expect(sandbox.git(here, 'branch', '--show-current')).toBe('main')
  })

  test('a local branch of that name that is behind stays where it is', async ({ sandbox }) => {
    sandbox.commit({ 'gitops.config.ts': config('', "ref: 'live'"), ...text('one') })
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'main:live')
    const here = cloned(sandbox, 'here')
    sandbox.git(here, 'branch', '--quiet', '--track', 'live', 'origin/live')
    const before = sandbox.git(here, 'rev-parse', 'live')
    sandbox.commit(text('two'))
    sandbox.git(sandbox.work, 'push', '--quiet', 'origin', 'main:live')
    await brings(sandbox, here, 'two')
    expect(sandbox.git(here, 'rev-parse', 'live')).toBe(before)
  })

  for (const how of ['light', 'annotated'] as const) {
    test(`a ${how} tag, and it is followed when it moves`, async ({ sandbox }) => {
      const tag = (force: boolean): void => {
        const annotate = how === 'annotated' ? ['-a', '-m', 'x'] : []
        sandbox.git(sandbox.work, 'tag', ...(force ? ['--force'] : []), ...annotate, 'stable')
        sandbox.git(sandbox.work, 'push', '--quiet', '--force', 'origin', 'stable')
      }
      sandbox.commit({ 'gitops.config.ts': config('', "ref: 'stable'"), ...text('one') })
      tag(false)
      const here = cloned(sandbox, 'here')
      await brings(sandbox, here, 'one')
      sandbox.commit(text('two'))
      await brings(sandbox, here, 'one')
      tag(true)
      await brings(sandbox, here, 'two')
    })
  }

  test('a commit of this clone', async ({ sandbox }) => {
    const one = sandbox.commit(text('one'))
    sandbox.commit({ 'gitops.config.ts': config('', `ref: '${one}'`), ...text('two') })
    await brings(sandbox, cloned(sandbox, 'here'), 'one')
  })

  test('a commit that a shallow clone lacks is fetched', async ({ sandbox }) => {
    const one = sandbox.commit(text('one'))
    sandbox.commit({ 'gitops.config.ts': config('', `ref: '${one}'`), ...text('two') })
    await brings(sandbox, cloned(sandbox, 'here', '--depth', '1'), 'one')
  })

  test('a branch that only this clone has', async ({ sandbox }) => {
    sandbox.commit({ 'gitops.config.ts': config('', "ref: 'mine'"), ...text('one') })
    const here = cloned(sandbox, 'here')
    sandbox.git(here, 'branch', 'mine')
    await brings(sandbox, here, 'one')
  })

  test('one that is nowhere is said, and nothing changes', async ({ sandbox }) => {
    sandbox.commit({ 'gitops.config.ts': config('', "ref: 'nowhere'"), ...text('one') })
    const here = cloned(sandbox, 'here')
    const { code, said } = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(code).toBe(1)
    expect(said).toContain('there is no branch, tag or commit "nowhere"')
    expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
  })
})

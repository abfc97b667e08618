import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { test, type Sandbox } from '../support/sandbox.ts'

const CLAUDE = "claude: { from: '.claude', to: '~/.claude' },"
const OTHER = "other: { from: 'other', to: '~/other' },"

const config = (targets: string, more = ''): string =>
  `import { defineConfig } from 'gitops'\n${more}\nexport default defineConfig({ name: 'story', sources: { team: { repo: '.' } }, targets: { ${targets} } })\n`

/** A clone that is in sync; its next commit is somebody else's. */
async function inSync(sandbox: Sandbox, files: Record<string, string> = {}): Promise<string> {
  sandbox.commit({
    'gitops.config.ts': config(CLAUDE + OTHER),
    '.claude/settings.json': '{}\n',
    'other/a.txt': 'a\n',
    ...files,
  })
  sandbox.git(sandbox.root, 'clone', '--quiet', `file://${sandbox.remote}`, 'here')
  const here = join(sandbox.root, 'here')
  expect((await sandbox.gitops(['reconcile'], { cwd: here })).code).toBe(0)
  return here
}

describe('a commit that changes the config is judged by its own config, before it is here', () => {
  test('diff, a dry run and status show what its config takes away, and leave the work tree alone', async ({ sandbox }) => {
    const here = await inSync(sandbox)
    const before = sandbox.git(here, 'rev-parse', 'HEAD')
    const tip = sandbox.commit({ 'gitops.config.ts': config(OTHER) })
    const git = readdirSync(join(here, '.git'))
    const said = `the config of ${tip.slice(0, 7)}`

    const diff = await sandbox.gitops(['diff'], { cwd: here })
    expect(diff.code, diff.said).toBe(3)
    expect(diff.stdout).toContain(`${sandbox.home}/.claude/settings.json`)
    expect(diff.said).toContain(said)

    const dry = await sandbox.gitops(['reconcile', '--dry-run'], { cwd: here })
    expect(dry.code, dry.said).toBe(3)
    expect(dry.said).toContain('1 deleted')
    expect(dry.said).toContain(said)

    const status = await sandbox.gitops(['status', '--fetch', '--exit-code'], { cwd: here })
    expect(status.code, status.said).toBe(3)
    expect(status.stdout).toContain('claude: 1 deleted')
    expect(status.said).toContain(said)
    const report = JSON.parse((await sandbox.gitops(['status', '--json'], { cwd: here })).stdout) as { configFrom: string | null }
    expect(report.configFrom).toBe(tip)

    expect(sandbox.git(here, 'rev-parse', 'HEAD')).toBe(before)
    expect(sandbox.git(here, 'status', '--porcelain')).toBe('')
    expect(readdirSync(join(here, '.git')).filter((name) => !git.includes(name) && name !== 'FETCH_HEAD')).toEqual([])
    expect(existsSync(join(sandbox.home, '.claude/settings.json'))).toBe(true)
  })

  test('a module that the config imports counts, and one that comes with the commit is found', async ({ sandbox }) => {
    const importing = config('...targets', "import { targets } from './parts/targets.ts'")
    const here = await inSync(sandbox, {
      'gitops.config.ts': importing,
      'parts/targets.ts': `export const targets = { ${CLAUDE} ${OTHER} }\n`,
    })
    sandbox.commit({
      'parts/targets.ts': `import { other } from './other.ts'\nimport data from './data.json' with { type: 'json' }\nexport const targets = { other, [data.name]: data.target }\n`,
      'parts/other.ts': `export const other: object = { from: 'other', to: '~/other' }\n`,
      'parts/data.json': JSON.stringify({ name: 'third', target: { from: 'third', to: '~/third' } }),
      'third/new.txt': 'new\n',
    })
    const diff = await sandbox.gitops(['diff'], { cwd: here })
    expect(diff.code, diff.said).toBe(3)
    expect(diff.stdout).toContain(`${sandbox.home}/.claude/settings.json`)
    expect(diff.stdout).toContain(`${sandbox.home}/third/new.txt`)
    expect(existsSync(join(here, 'parts/other.ts'))).toBe(false)
  })

  test('a config in YAML is read from the commit too', async ({ sandbox }) => {
    const yaml = (targets: string): string => `name: story\nsources: { team: { repo: '.' } }\ntargets: { ${targets} }\n`
    sandbox.commit({ 'gitops.config.yaml': yaml(CLAUDE + OTHER), '.claude/settings.json': '{}\n', 'other/a.txt': 'a\n' })
    sandbox.git(sandbox.root, 'clone', '--quiet', `file://${sandbox.remote}`, 'here')
    const here = join(sandbox.root, 'here')
    expect((await sandbox.gitops(['reconcile'], { cwd: here })).code).toBe(0)
    sandbox.commit({ 'gitops.config.yaml': yaml(OTHER) })
    const diff = await sandbox.gitops(['diff'], { cwd: here })
    expect(diff.code, diff.said).toBe(3)
    expect(diff.stdout).toContain(`${sandbox.home}/.claude/settings.json`)
  })

  test('one whose config does not load is said, and is not in sync', async ({ sandbox }) => {
    const here = await inSync(sandbox)
    const tip = sandbox.commit({ 'gitops.config.ts': 'export default {{\n' })
    for (const args of [['diff'], ['status', '--exit-code']]) {
      const ran = await sandbox.gitops(args, { cwd: here })
      expect(ran.code, ran.said).toBe(2)
      expect(ran.said).toMatch(new RegExp(`${tip.slice(0, 7)} brings a config that cannot be used: .*gitops.config.ts does not load`))
      expect(ran.said).not.toContain('config on disk does not load')
    }
    const json = await sandbox.gitops(['reconcile', '--dry-run', '--json'], { cwd: here })
    expect(JSON.parse(json.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ kind: 'verdict', exitCode: 2 })
  })

  test('one that takes the config away is said', async ({ sandbox }) => {
    const here = await inSync(sandbox)
    sandbox.commit({ 'gitops.config.ts': null })
    const ran = await sandbox.gitops(['diff'], { cwd: here })
    expect(ran.code, ran.said).toBe(2)
    expect(ran.said).toContain('there is no gitops.config.ts in it')
  })

  test('where local changes keep the work tree from following, the present config and commit are what a reconcile would use', async ({
    sandbox,
  }) => {
    const here = await inSync(sandbox)
    writeFileSync(join(here, 'gitops.config.ts'), `${config(CLAUDE + OTHER)}// mine\n`)
    sandbox.commit({ 'gitops.config.ts': config(OTHER), 'other/a.txt': 'b\n' })
    const diff = await sandbox.gitops(['diff'], { cwd: here })
    expect(diff.stdout).not.toContain('settings.json')
    const status = await sandbox.gitops(['status', '--exit-code'], { cwd: here })
    expect(status.stdout).toContain('the config changed upstream')
    expect(status.code, status.said).toBe(3)
    expect((await sandbox.gitops(['reconcile'], { cwd: here })).said).toContain('the config changed upstream')
  })

  test('one that renames the config, and so its state, is applied by the very run that pulls it', async ({ sandbox }) => {
    const here = await inSync(sandbox)
    const renamed = config(CLAUDE + OTHER).replace("'story'", "'another'")
    sandbox.commit({ 'gitops.config.ts': renamed, 'other/a.txt': 'b\n' })
    expect((await sandbox.gitops(['diff'], { cwd: here })).code).toBe(3)
    const ran = await sandbox.gitops(['reconcile'], { cwd: here })
    expect(ran.code, ran.said).toBe(0)
    expect(sandbox.live('other/a.txt')).toBe('b\n')
  })
})

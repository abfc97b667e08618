import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { CLI, test, type Sandbox } from '../support/sandbox.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const TYPES = join(ROOT, 'node_modules/@types')

// npm fetches; on a slow day that takes its time.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

let place = ''
let tarball = ''

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'gitops-package-'))
  // Without its scripts: a build would pull `dist` away from under the other stories.
  const packed = npm(ROOT, {}, 'pack', '--ignore-scripts', '--json', '--pack-destination', place)
  expect(packed.stderr + packed.stdout).toContain('.tgz')
  tarball = join(place, readdirSync(place).find((name) => name.endsWith('.tgz')) ?? '')
})

afterAll(() => rmSync(place, { recursive: true, force: true }))

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** npm with the cache of the person who runs the tests, so that what is there need not be fetched again. */
function npm(cwd: string, env: NodeJS.ProcessEnv, ...args: string[]): Ended {
  const npm_config_cache = process.env['npm_config_cache'] ?? join(homedir(), '.npm')
  const quiet = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' }
  return spawnSync('npm', args, { cwd, env: { ...process.env, ...quiet, npm_config_cache, ...env }, encoding: 'utf8' })
}

/** An empty project with our tarball in it; null where npm reaches no registry for our dependencies. */
function project(sandbox: Sandbox, manifest: object | null): string | null {
  const directory = join(sandbox.root, 'project')
  mkdirSync(directory)
  if (manifest !== null) sandbox.write(directory, { 'package.json': JSON.stringify(manifest) })
  const installed = npm(directory, {}, 'install', '--prefer-offline', tarball)
  if (installed.status !== 0 && /ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|network/.test(installed.stderr)) return null
  expect(installed.stderr).not.toMatch(/npm error/)
  expect(installed.status).toBe(0)
  sandbox.write(directory, {
    'gitops.config.ts': `import { defineConfig } from 'gitops'

export default defineConfig({
  name: 'packed',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
  checks: { smoke: [{ name: 'there', run: async ({ $, home }) => { await $\`test -s \${home}/.claude/settings.json\` } }] },
})
`,
  })
  return directory
}

const NO_REGISTRY = 'npm reaches no registry, and its cache does not hold our dependencies'

for (const [kind, manifest] of [
  ['a project of modules', { name: 'p', type: 'module' }],
  ['a CommonJS project', { name: 'p', type: 'commonjs' }],
  ['a directory without a package.json', null],
] as const) {
  test(`npx gitops reconcile works in ${kind} that installed the package`, ({ sandbox, skip }) => {
    const directory = project(sandbox, manifest)
    skip(directory === null, NO_REGISTRY)
    if (directory === null) return
    sandbox.commit({ '.claude/settings.json': '{"a":1}\n' })
    const env = { ...sandbox.env, PATH: process.env['PATH'] ?? '' }

    const first = spawnSync('npx', ['--no-install', 'gitops', 'reconcile'], { cwd: directory, env, encoding: 'utf8' })
    expect(first.stdout + first.stderr).toContain('1 created')
    expect(first.status).toBe(0)
    expect(sandbox.live('.claude/settings.json')).toBe('{"a":1}\n')

    const second = spawnSync('npx', ['--no-install', 'gitops', 'reconcile'], { cwd: directory, env, encoding: 'utf8' })
    expect(second.stdout).toContain('In sync: team')
    expect(second.status).toBe(0)
  })
}

test('a config is checked by the packed types, strictly, and a wrong one is told where', ({ sandbox, skip }) => {
  const directory = project(sandbox, { name: 'p', type: 'module' })
  skip(directory === null, NO_REGISTRY)
  if (directory === null) return
  const check = (file: string, module: string, skip: boolean): Ended => {
    const flags = ['--noEmit', '--ignoreConfig', '--strict', '--skipLibCheck', String(skip), '--target', 'es2024', '--module', module]
    const types = ['--moduleResolution', module === 'nodenext' ? 'nodenext' : 'bundler', '--typeRoots', TYPES, '--types', 'node']
    return spawnSync(join(ROOT, 'node_modules/.bin/tsc'), [...flags, ...types, file], { cwd: directory, encoding: 'utf8' })
  }
  for (const module of ['nodenext', 'esnext']) {
    expect(check('gitops.config.ts', module, true).stdout).toBe('')
    expect(check('gitops.config.ts', module, true).status).toBe(0)
    // zx and listr2 have faults of their own in their declarations (no `fs-extra`, a newer `node:util`); ours have none.
    const ours = check('gitops.config.ts', module, false)
      .stdout.split('\n')
      .filter((line) => !/^node_modules\/(?:zx|listr2)\//.test(line))
    expect(ours.join('')).toBe('')
  }
  sandbox.write(directory, {
    'wrong.ts': `import { defineConfig, reconcile, sops, type Verdict } from 'gitops'
export const text: Promise<string> = sops.decrypt(new Uint8Array(), { identities: ['AGE-SECRET-KEY-1'] })
export const file = sops.encrypt('a: 1', { format: 'toml', recipients: ['age1'] })
export const changed: Promise<boolean> = sops.edit(new Uint8Array(), (plain) => plain.toString()).then((next) => next.changed)
export default defineConfig({
  sources: { team: { repo: '.', reff: 'main' } },
  targets: { claude: { source: 'team', from: 1, to: '~/.claude' } },
})
export const verdict: Promise<Verdict> = reconcile({ sources: {} }, { dryrun: true })
`,
  })
  const wrong = check('wrong.ts', 'nodenext', true)
  expect(wrong.status).not.toBe(0)
  expect(wrong.stdout).toContain("'reff' does not exist")
  expect(wrong.stdout).toContain("Type 'number' is not assignable to type 'string'")
  expect(wrong.stdout).toContain("'dryrun' does not exist")
  expect(wrong.stdout).toContain(`'"toml"' is not assignable to type`)
  expect(wrong.stdout).toMatch(/wrong\.ts\(2,.*'Promise<Buffer<.*>>' is not assignable to type 'Promise<string>'/)
  expect(wrong.stdout).not.toContain('wrong.ts(4,')
})

test('the package holds the built program, its types and documents, and nothing else', () => {
  const names = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' }).trim().split('\n')
  const allowed = /^package\/(?:dist\/(?:lib|tasks)\/.+\.(?:js|d\.ts)|docs\/.+|package\.json|README\.md|LICENSE(?:\.md)?|CHANGELOG\.md)$/
  expect(names.filter((name) => !allowed.test(name))).toEqual([])
  expect(names).toContain('package/dist/lib/cli/main.js')
  expect(names).toContain('package/dist/lib/index.d.ts')
  const stale = names
    .flatMap((name) => /^package\/dist\/(.+)\.(?:d\.ts|js)$/.exec(name)?.[1] ?? [])
    .filter((name) => !existsSync(join(ROOT, `${name}.ts`)))
  expect(stale).toEqual([])
})

test('the built command is executable, and its first line finds Node', () => {
  expect(statSync(CLI).mode & 0o111).toBe(0o111)
  expect(readFileSync(CLI, 'utf8').split('\n')[0]).toBe('#!/usr/bin/env node')
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { bin: { gitops: string }; version: string }
  expect(join(ROOT, manifest.bin.gitops)).toBe(CLI)
  expect(execFileSync(CLI, ['--version'], { encoding: 'utf8' }).trim()).toBe(manifest.version)
})

/** A Node of this machine, outside of any node_modules, that is older than the package allows. */
function oldNode(): string | null {
  const directories = new Set([...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin'])
  for (const directory of directories) {
    const path = join(directory, 'node')
    if (directory === '' || !existsSync(path) || dirname(realpathSync(path)).includes('node_modules')) continue
    const major = Number(/^v(\d+)/.exec(spawnSync(path, ['--version'], { encoding: 'utf8' }).stdout)?.[1] ?? 99)
    if (major < 22) return path
  }
  return null
}

test('a Node that is too old gets one sentence and exit code 2', ({ sandbox, skip }) => {
  const old = oldNode()
  skip(old === null, 'this machine has no Node older than 22')
  if (old === null) return
  sandbox.config()
  const ran = spawnSync(old, [CLI, 'reconcile'], { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8' })
  expect(ran.status).toBe(2)
  expect(ran.stdout).toBe('')
  expect(ran.stderr).toMatch(/^gitops needs Node 22\.18 or newer, or 24 and up; this is \d+\.\d+\.\d+\. .+\n$/)
  expect(sandbox.tree(sandbox.home)).toEqual({})
})

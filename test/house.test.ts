import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect } from 'vitest'
import { FAULTS, STORIES } from './faults/matrix/classes.ts'
import { load, withTable } from './faults/matrix/counts.ts'
import { failureModes, failureModesPage } from './support/failure-modes.ts'
import { CLI, DEFAULT_CONFIG, test } from './support/sandbox.ts'

const ROOT = resolve(import.meta.dirname, '..')
const FILES = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)))
const CODE = FILES.filter((path) => /^(?:lib|tasks)\/.*\.ts$/.test(path))

/** What a room may import. A value of `type` allows a type only; a package is named by its name, without a path behind it. */
interface Room {
  readonly rooms: readonly string[]
  readonly types?: readonly string[]
  readonly packages: readonly string[]
  readonly packageTypes?: readonly string[]
}

const NODE = 'node:*'

/*
 * The rooms. Where the code has chosen otherwise than the first picture of the house:
 * - config reads the file itself (`node:fs`, `node:module`), so the loader lies beside the schema that judges it;
 * - gate parses YAML itself: a parser is the syntax check;
 * - host seals copies of secrets, and edits a document at the moment it writes it, with the two rooms that only compute;
 * - config, documents and host name the types of the plug-in contract, for the functions that a config holds; a preset names the type of a part of a config.
 */
const ROOMS: Readonly<Record<string, Room>> = {
  'lib/model': { rooms: ['lib/model'], packages: [] },
  'lib/config': {
    rooms: ['lib/model', 'lib/config'],
    types: ['lib/plugins'],
    packages: ['cosmiconfig', 'valibot', 'picomatch', 'node:fs', 'node:module', 'node:path', 'node:url', 'node:util'],
  },
  'lib/secrets': { rooms: ['lib/model', 'lib/secrets'], packages: ['age-encryption', 'bcrypt-pbkdf', 'yaml', 're2js', 'node:crypto'] },
  'lib/documents': {
    rooms: ['lib/model', 'lib/documents'],
    types: ['lib/plugins'],
    packages: ['jsonc-parser', 'yaml', 'smol-toml', 'toml-eslint-parser'],
  },
  'lib/gate': {
    rooms: ['lib/model', 'lib/secrets', 'lib/documents', 'lib/gate'],
    packages: ['yaml', '@secretlint/core', '@secretlint/secretlint-rule-preset-recommend'],
  },
  'lib/host': {
    rooms: ['lib/model', 'lib/secrets', 'lib/documents', 'lib/host'],
    types: ['lib/plugins'],
    packages: [NODE, 'zx', 'proper-lockfile', 'cron'],
  },
  'lib/plugins': { rooms: ['lib/model', 'lib/plugins'], types: ['lib/config'], packages: ['valibot', 'yaml'], packageTypes: ['zx'] },
  tasks: {
    rooms: ['tasks', 'lib/model', 'lib/config', 'lib/secrets', 'lib/documents', 'lib/gate', 'lib/host', 'lib/plugins'],
    packages: [],
    packageTypes: ['listr2'],
  },
  'lib/cli': {
    rooms: [
      'tasks',
      'lib/model',
      'lib/config',
      'lib/gate',
      'lib/secrets',
      'lib/documents',
      'lib/host',
      'lib/plugins',
      'lib/cli',
      'lib/index.ts',
    ],
    packages: [NODE, 'commander', 'listr2', 'diff'],
  },
  'lib/testing.ts': { rooms: ['lib/cli', 'lib/plugins'], types: ['tasks'], packages: [] },
  'lib/index.ts': {
    rooms: ['lib/model', 'lib/config', 'lib/plugins'],
    types: ['tasks', 'lib/host'],
    packages: [],
    packageTypes: ['listr2'],
  },
}

interface Import {
  readonly file: string
  readonly specifier: string
  readonly type: boolean
  readonly dynamic: boolean
}

function source(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

function importsOf(file: string): Import[] {
  const text = withoutComments(source(file))
  const found = (pattern: RegExp, dynamic: boolean): Import[] =>
    [...text.matchAll(pattern)].map(([, type, specifier = '']) => ({ file, specifier, type: type !== undefined && !dynamic, dynamic }))
  return [
    ...found(/^import (type )?(?:[\w$*{},\s]+ from )?'([^']+)'/gm, false),
    ...found(/^export (type )?(?:\*(?: as \w+)?|\{[^}]*\}) from '([^']+)'/gm, false),
    ...found(/()\bimport\(\s*'([^']+)'\s*\)/g, true),
  ]
}

function roomOf(path: string): string {
  return Object.keys(ROOMS).find((room) => path === room || path.startsWith(`${room}/`)) ?? `no room: ${path}`
}

/** Why an import breaks the rules of its room, or null. */
function broken({ file, specifier, type, dynamic }: Import): string | null {
  const name = roomOf(file)
  const room = ROOMS[name] as Room
  const complaint = `${file} imports ${type ? 'the types of ' : ''}${specifier}`
  if (specifier.startsWith('.')) {
    const path = relative(ROOT, resolve(ROOT, dirname(file), specifier))
    const other = roomOf(path)
    if (!existsSync(join(ROOT, path))) return `${complaint}, which is not a file`
    // The engine is loaded when the public surface is called, not when a config imports it.
    if (name === 'lib/index.ts' && ['tasks/embed.ts', 'lib/host/sops.ts'].includes(path) && dynamic) return null
    return room.rooms.includes(other) || (type && room.types?.includes(other) === true) ? null : complaint
  }
  const pack = specifier.startsWith('node:')
    ? specifier
    : specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/')
  if (room.packages.includes(pack) || (pack.startsWith('node:') && room.packages.includes(NODE))) return null
  if (type && room.packageTypes?.includes(pack) === true) return null
  if (file === 'tasks/reconcile.ts' && pack === 'listr2') return null
  return complaint
}

/** The places, as `file:line text`, where a pattern stands in code that is no comment. */
function places(files: readonly string[], pattern: RegExp): string[] {
  return files.flatMap((file) =>
    withoutComments(source(file))
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${file}:${index + 1} ${line.trim()}`] : [])),
  )
}

describe('rooms', () => {
  test('every file has a room and imports only what its room may', () => {
    expect(CODE.length).toBeGreaterThan(60)
    expect(CODE.filter((file) => ROOMS[roomOf(file)] === undefined)).toEqual([])
    expect(CODE.flatMap(importsOf).length).toBeGreaterThan(250)
    expect(CODE.flatMap(importsOf).map(broken).filter(Boolean)).toEqual([])
  })

  test('the rules see what they forbid', () => {
    const file = 'lib/model/path.ts'
    const at = (from: string, specifier: string, type = false): string | null => broken({ file: from, specifier, type, dynamic: false })
    expect(at(file, 'node:fs')).not.toBeNull()
    expect(at(file, '../host/git.ts', true)).not.toBeNull()
    expect(at('tasks/apply.ts', 'listr2')).not.toBeNull()
    expect(at('tasks/apply.ts', 'listr2', true)).toBeNull()
    expect(at('tasks/apply.ts', '../lib/cli/messages.ts')).not.toBeNull()
    expect(at('lib/host/git.ts', 'zx/core')).toBeNull()
    expect(at('lib/host/git.ts', '../plugins/contract.ts')).not.toBeNull()
  })

  test('the model computes: no clock, no randomness, no promises, no process', () => {
    const model = CODE.filter((file) => file.startsWith('lib/model/'))
    expect(
      places(model, /\basync\b|\bawait\b|\bPromise\b|\bDate\.now|new Date\(\)|Math\.random|\bprocess\.|\bsetTimeout\b|\bfetch\(/),
    ).toEqual([])
  })

  test('only the command line prints, exits and reads argv', () => {
    const others = CODE.filter((file) => !file.startsWith('lib/cli/'))
    expect(places(others, /\bconsole\.|\bprocess\.(?:stdout|stderr|exit|exitCode|argv|stdin)\b/)).toEqual([])
    // One place ends the process, when everything is told: a timer of the config would keep it for ever.
    const inside = CODE.filter((file) => file !== 'lib/cli/main.ts')
    expect(places(inside, /\bprocess\.exit\(/)).toEqual([])
  })

  test('only the host and the command line ask for the process, the clock and the environment', () => {
    const others = CODE.filter((file) => !file.startsWith('lib/cli/') && !file.startsWith('lib/host/'))
    expect(places(others, /\bprocess\.|\bDate\.now|new Date\(\)|Math\.random/)).toEqual([])
  })
})

describe('habits', () => {
  test('no barrels but the public surface, and no default export', () => {
    expect(CODE.filter((file) => /(?:^|\/)index\.ts$/.test(file))).toEqual(['lib/index.ts'])
    expect(
      places(
        CODE.filter((file) => !['lib/index.ts', 'lib/testing.ts'].includes(file)),
        /^export (?:type )?(?:\*|\{[^}]*\} from)/,
      ),
    ).toEqual([])
    expect(places(CODE, /^export default\b/)).toEqual([])
  })

  test('no classes but errors and renderers, no enums', () => {
    const classes = places(CODE, /^(?:export )?(?:abstract )?class \w+/)
    expect(classes.length).toBeGreaterThan(0)
    expect(classes.filter((line) => !/class (?:\w+Error|\w*Renderer|Secret)\b/.test(line))).toEqual([])
    expect(places(CODE, /\benum \w+ \{/)).toEqual([])
  })

  test('files have the name of an idea, in kebab-case', () => {
    const names = CODE.map((file) => file.split('/').at(-1) ?? '')
    expect(names.filter((name) => !/^[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(name))).toEqual([])
    expect(names.filter((name) => /utils?|helpers?|common|manager|service|misc/.test(name))).toEqual([])
  })

  test('files are short', () => {
    const lengths = CODE.map((file) => ({ file, lines: source(file).trimEnd().split('\n').length })).toSorted((a, b) => a.lines - b.lines)
    const at = (part: number): number => lengths[Math.floor((lengths.length - 1) * part)]?.lines ?? 0
    const longest = lengths.at(-1)
    process.stdout.write(`${CODE.length} files; median ${at(0.5)}, p90 ${at(0.9)}, longest ${longest?.lines} lines (${longest?.file})\n`)
    expect(lengths.filter(({ lines }) => lines > 220)).toEqual([])
    expect(at(0.5)).toBeLessThanOrEqual(70)
    expect(at(0.9)).toBeLessThanOrEqual(170)
  })

  // The picture says eight; the storyteller's files, which call and order, hold up to sixteen. A menu lists every command there is.
  test('a file knows few others', () => {
    const menu = (file: string, specifier: string): boolean => file === 'lib/cli/program.ts' && specifier.startsWith('./commands/')
    const known = (file: string): string[] => importsOf(file).flatMap(({ specifier }) => (menu(file, specifier) ? [] : specifier))
    const counted = CODE.map((file) => ({ file, count: new Set(known(file)).size }))
    expect(counted.filter(({ count }) => count > 16)).toEqual([])
    expect(counted.filter(({ file, count }) => count > 8 && file.startsWith('lib/model/'))).toEqual([])
    expect(counted.filter(({ count }) => count > 8).length).toBeLessThanOrEqual(CODE.length * 0.25)
  })

  test('every export says what it is', () => {
    const silent = CODE.flatMap((file) => {
      const lines = source(file).split('\n')
      return lines.flatMap((line, index) =>
        /^export (?!type \{|\{|\*)/.test(line) && !/\*\/\s*$/.test(lines[index - 1] ?? '') ? [`${file}:${index + 1} ${line}`] : [],
      )
    })
    expect(silent).toEqual([])
  })

  test('nothing in the project names a place on one machine', () => {
    const text = FILES.filter((file) => !/\.(?:png|jpg|gif|age|gpg|tgz)$/.test(file))
    // Written in pieces, so that this file does not name them itself.
    const roots = [ROOT, homedir(), ['', 'work', ''].join('/'), ['', 'root', ''].join('/')].filter((root) => root.length > 3)
    const named = text.flatMap((file) => roots.filter((root) => source(file).includes(root)).map((root) => `${file} names ${root}`))
    expect(named).toEqual([])
  })
})

/** Runs the built command line and tells which packages it loaded. */
function packagesLoadedBy(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): string[] {
  const recorder = `
    import { registerHooks } from 'node:module'
    import { appendFileSync } from 'node:fs'
    registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context) } })`
  const loaded = join(env['HOME'] ?? '', 'loaded')
  execFileSync(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(recorder)}`, CLI, ...args], {
    cwd,
    env: { ...env, LOADED: loaded },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const urls = readFileSync(loaded, 'utf8').split('\n')
  expect(urls.some((url) => url.endsWith('/dist/lib/cli/main.js'))).toBe(true)
  const names = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? [])
  return [...new Set(names)].toSorted()
}

/** What judges documents, runs checks, or draws a run. */
const NOT_FOR_NOTES = new Set([
  'yaml',
  'zx',
  'listr2',
  'smol-toml',
  'toml-eslint-parser',
  'jsonc-parser',
  'cron',
  'age-encryption',
  're2js',
])

describe('start-up', () => {
  // A package more is milliseconds more, every minute, on every machine: whoever adds one here has measured it.
  const EVERY_RUN = new Set(['commander', 'cosmiconfig', 'env-paths', 'listr2', 'picomatch', 'valibot'])
  const HEAVY = new Set(['zx', 'yaml', 'diff', 'smol-toml', 'js-yaml', 'age-encryption', 'cron', 'luxon'])

  test('a run with nothing to do loads only the packages that every run needs', ({ sandbox }) => {
    sandbox.commit({ '.claude/settings.json': '{}\n', '.claude/a.yaml': 'a: 1\n' })
    sandbox.config()
    execFileSync(process.execPath, [CLI, 'reconcile'], { cwd: sandbox.site, env: sandbox.env, stdio: 'ignore' })
    const loaded = packagesLoadedBy(['reconcile'], sandbox.site, sandbox.env)
    expect(loaded.filter((name) => HEAVY.has(name))).toEqual([])
    expect(loaded).toContain('valibot')
    expect(loaded.filter((name) => !EVERY_RUN.has(name))).toEqual([])
  })

  test('decrypting a file loads the parser of options and no other package', ({ sandbox }) => {
    const [file, key] = ['base.json', 'reader.identity'].map((name) => join(ROOT, 'test/fixtures/sops', name)) as [string, string]
    const loaded = packagesLoadedBy(['decrypt', file], sandbox.site, { ...sandbox.env, SOPS_AGE_KEY_FILE: key })
    expect(loaded).toEqual(['commander'])
  })

  test('a check of three staged notes loads the search for tokens, and no parser or runner that they do not need', ({ sandbox }) => {
    sandbox.commit({
      '.claude/settings.json': '{}\n',
      '.claude/a.yaml': 'a: 1\n',
      'gitops.config.ts': `import { defineConfig } from 'gitops'\nexport default defineConfig(${DEFAULT_CONFIG('.')})\n`,
    })
    sandbox.write(sandbox.work, { '.claude/a.md': '# a\n', '.claude/b.md': '# b\n', 'c.md': '# c\n' })
    sandbox.git(sandbox.work, 'add', '--all')
    const loaded = packagesLoadedBy(['validate', '--staged'], sandbox.work, sandbox.env)
    expect(loaded).toContain('@secretlint/core')
    expect(loaded.filter((name) => NOT_FOR_NOTES.has(name))).toEqual([])
  })

  test('help loads no engine', ({ sandbox }) => {
    const loaded = packagesLoadedBy(['--help'], sandbox.site, sandbox.env)
    expect(loaded.filter((name) => HEAVY.has(name))).toEqual([])
  })
})

describe('the failure modes', () => {
  const tests = FILES.filter((path) => path.endsWith('.test.ts'))
    .map(source)
    .join('\n')

  test('every one of the 47 has a test, a later subject or a reason, and the page says so', () => {
    expect(failureModes).toHaveLength(47)
    expect(failureModes.filter(({ covered }) => 'test' in covered && !tests.includes(covered.test))).toEqual([])
    expect(source('docs/failure-modes.md')).toBe(failureModesPage())
  })
})

describe('the fault matrix', () => {
  test('the table of recovery.md is what was counted, of every class, and no promise was broken', () => {
    const counts = load()
    expect(source('docs/recovery.md')).toBe(withTable(source('docs/recovery.md')))
    const classes = STORIES.flatMap(({ name }) => FAULTS.map((fault) => `${name}:${fault}`))
    expect(Object.keys(counts)).toEqual(expect.arrayContaining(classes))
    expect(
      Object.values(counts).filter(({ cases, old, new: now, violations }) => violations > 0 || cases === 0 || old + now !== cases),
    ).toEqual([])
  })
})

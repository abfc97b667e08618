import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Ran, type Sandbox } from '../support/sandbox.ts'

const FILES = { '.claude/settings.json': '{"a":1}\n' }

/** Everything that a refused command must leave alone: home, the config's directory, the source. Our own state is not shown where `state` is false. */
function world(sandbox: Sandbox, state: boolean): object {
  const home = Object.fromEntries(Object.entries(sandbox.tree(sandbox.home)).filter(([path]) => state || !path.startsWith('.local')))
  return { home, site: sandbox.tree(sandbox.site), remote: sandbox.tree(sandbox.remote) }
}

interface Wrong {
  /** The exit code: 2 for what is known before any pull, 1 for what a pull finds. */
  readonly code: number
  /** What the sentence must say. */
  readonly says: readonly (string | RegExp)[]
  /** What it must not say. */
  readonly never?: readonly string[]
  readonly args?: readonly string[]
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Runs `reconcile` as a person and as a program; both hear the same, and nothing has changed afterwards. */
async function refused(sandbox: Sandbox, { code, says, never = [], args = [], cwd = sandbox.site, env = {} }: Wrong): Promise<void> {
  const before = world(sandbox, code === 2)
  const judge = (ran: Ran, text: string): void => {
    expect(ran.code, ran.said).toBe(code)
    for (const words of says)
      expect(text).toMatch(words instanceof RegExp ? words : new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    for (const words of never) expect(ran.said).not.toContain(words)
    expect(ran.said).not.toMatch(/^\s+at .*:\d+/m)
    expect(ran.said).not.toMatch(/this is a bug|\[object |undefined|node:internal/)
    // oxlint-disable-next-line no-control-regex -- a terminal must not be steered by what we print
    expect(ran.said).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f]/)
    expect(world(sandbox, code === 2)).toEqual(before)
  }
  const person = await sandbox.gitops(['reconcile', ...args], { cwd, env })
  judge(person, person.said)
  if (code === 2) expect(person.stdout).toBe('')
  const program = await sandbox.gitops(['reconcile', '--json', ...args], { cwd, env })
  const verdict = JSON.parse(program.stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>
  expect(verdict).toMatchObject({ kind: 'verdict', outcome: 'failed', exitCode: code })
  if (code === 2)
    expect(verdict).toMatchObject({ reason: 'ConfigInvalid', revisions: {}, targets: [], error: { message: expect.any(String) } })
  const { error } = verdict as { error?: { message: string; hint?: string } }
  judge(program, error === undefined ? String(verdict['message']) : `${error.message}\n${error.hint ?? ''}`)
}

/** A config whose body is wrong. */
async function wrongConfig(sandbox: Sandbox, body: string, ...says: readonly (string | RegExp)[]): Promise<void> {
  sandbox.commit(FILES)
  sandbox.config(body)
  await refused(sandbox, { code: 2, says })
}

const SOURCES = (sandbox: Sandbox): string => `sources: { team: { repo: ${JSON.stringify(sandbox.remote)} } },`

describe('no config', () => {
  test('none is found: the names and the place are told', async ({ sandbox }) => {
    await refused(sandbox, {
      code: 2,
      says: ['there is no gitops.config.ts (or .mts .js .mjs .yaml .json) in', sandbox.site, '--config FILE'],
    })
  })

  test('--config of a file that is not there', async ({ sandbox }) => {
    await refused(sandbox, { code: 2, args: ['--config', 'nowhere.ts'], says: [join(sandbox.site, 'nowhere.ts'), 'is not a file'] })
  })

  test('--config of a directory', async ({ sandbox }) => {
    await refused(sandbox, { code: 2, args: ['--config', sandbox.site], says: ['is not a file'] })
  })

  test('--config of a kind that is not a config', async ({ sandbox }) => {
    sandbox.write(sandbox.site, { 'config.toml': 'a = 1\n' })
    await refused(sandbox, { code: 2, args: ['--config', 'config.toml'], says: ['config.toml', '.ts .mts .js .mjs .yaml or .json'] })
  })

  test('GITOPS_REPO_PATH of a directory that is not there', async ({ sandbox }) => {
    await refused(sandbox, { code: 2, env: { GITOPS_REPO_PATH: '/nowhere/at/all' }, says: ['/nowhere/at/all'] })
  })
})

describe('a config that cannot be used', () => {
  const text = async (sandbox: Sandbox, name: string, body: string, ...says: readonly (string | RegExp)[]): Promise<void> => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, { [name]: body })
    await refused(sandbox, { code: 2, says: [join(sandbox.site, name), ...says] })
  }

  for (const ending of ['ts', 'mts', 'js', 'mjs']) {
    test(`does not parse: gitops.config.${ending}, with the line or the command that shows it`, async ({ sandbox }) => {
      const body = "import { defineConfig } from 'gitops'\n\nexport default defineConfig({{\n"
      const place = ending.endsWith('ts')
        ? /does not load: line 3: Unexpected token/
        : /does not load: Unexpected token .*\n.*node --check .* shows the place/
      await text(sandbox, `gitops.config.${ending}`, body, place)
    })
  }

  test('does not parse: YAML, with the line', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.yaml', 'sources:\n  team: {\n', /does not load: .*\b[23]\b/)
  })

  test('does not parse: JSON', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.json', '{"sources": {,}\n', 'does not load')
  })

  test('throws while it is loaded', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.ts', "throw new Error('the moon is wrong')\n", 'does not load: the moon is wrong')
  })

  test('throws something that is no error', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.ts', "throw { reason: 'odd' }\n", 'does not load')
    sandbox.write(sandbox.site, { 'gitops.config.ts': 'throw null\n' })
    await refused(sandbox, { code: 2, says: ['does not load'] })
  })

  test('imports what is not there', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.ts', "import './nowhere.ts'\nexport default {}\n", 'does not load', 'nowhere.ts')
    sandbox.write(sandbox.site, { 'gitops.config.ts': "import left from 'no-such-package'\nexport default left\n" })
    await refused(sandbox, { code: 2, says: ['does not load', 'no-such-package'] })
  })

  test('asks gitops for a name that it does not have', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.ts', "import { defineConfg } from 'gitops'\nexport default defineConfg({})\n", 'defineConfg')
  })

  test('exports nothing, or not by default', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.ts', 'export {}\n', 'exports nothing', 'export default defineConfig({ … })')
    for (const body of ['export const config = { sources: {} }\n', 'export default undefined\n', 'export default null\n']) {
      sandbox.write(sandbox.site, { 'gitops.config.ts': body })
      await refused(sandbox, { code: 2, says: ['exports nothing'] })
    }
  })

  test('is empty', async ({ sandbox }) => {
    await text(sandbox, 'gitops.config.ts', '', 'exports nothing')
    rmSync(join(sandbox.site, 'gitops.config.ts'))
    for (const name of ['gitops.config.yaml', 'gitops.config.json']) {
      await text(sandbox, name, name.endsWith('yaml') ? '# nothing yet\n' : '', /exports nothing|is empty/)
      rmSync(join(sandbox.site, name))
    }
  })

  test('is a function that throws, or returns nothing', async ({ sandbox }) => {
    await text(
      sandbox,
      'gitops.config.ts',
      "export default () => { throw new Error('no such host') }\n",
      'its function threw: no such host',
    )
    sandbox.write(sandbox.site, { 'gitops.config.ts': 'export default async () => {}\n' })
    await refused(sandbox, { code: 2, says: ['its function returned nothing'] })
  })

  for (const value of ['42', '"text"', '[]', '[{ sources: {} }]', 'true', 'new Map()', 'new Date()', '/x/', 'Symbol("s")', '1n']) {
    test(`is ${value}, not an object`, async ({ sandbox }) => {
      await text(sandbox, 'gitops.config.ts', `export default ${value}\n`, 'the config: must be an object')
    })
  }
})

describe('an unknown key', () => {
  const cases: readonly (readonly [body: string, ...says: string[]])[] = [
    ['SOURCES target: {}', 'target: unknown key; did you mean "targets"?'],
    ['sources: { team: { repo: "/x", reff: "main" } }', 'sources.team.reff: unknown key; did you mean "ref"?'],
    ['SOURCES targets: { claude: { form: ".claude", to: "~/x" } }', 'targets.claude.form: unknown key; did you mean "from"?'],
    [
      'SOURCES targets: { claude: { from: ".", to: "~/x", excludes: [] } }',
      'targets.claude.excludes: unknown key; did you mean "exclude"?',
    ],
    ['SOURCES checks: { smok: [] }', 'checks.smok: unknown key; did you mean "smoke"?'],
    [
      'SOURCES secrets: { s: { from: "s", to: "~/s", strategy: { merge: { formt: "json" } } } }',
      `secrets.s.strategy.merge.formt: unknown key; did you mean "format"?`,
    ],
    [
      'SOURCES secrets: { s: { from: "s", to: "~/s", strategy: { merge: { format: "xml" } } } }',
      `secrets.s.strategy.merge.format: must be 'json', 'jsonc', 'yaml', 'toml' or a strategy`,
    ],
    [
      'SOURCES secrets: { s: { from: "s", to: "~/s", strategy: { merge: { lists: { "/a": "sets" } } } } }',
      `secrets.s.strategy.merge.lists./a: must be 'whole', 'set' or`,
    ],
    [
      'SOURCES secrets: { s: { from: "s", to: "~/s", strategy: "merg" } }',
      `secrets.s.strategy: must be 'replace', 'merge' or merge({ … })`,
    ],
    ['SOURCES checks: { smoke: [{ name: "x", cmd: "true" }] }', 'checks.smoke.0.cmd: unknown key; known here: name, run'],
    ['SOURCES tasks: { befor: [] }', 'tasks.befor: unknown key; did you mean "before"?'],
    ['SOURCES schedule: { evry: "5m" }', 'schedule.evry: unknown key; did you mean "every"?'],
    ['SOURCES Sources: {}', 'Sources: unknown key; did you mean "sources"?'],
    ['SOURCES "\\u001b[31m": 1', '\\u001b[31m: unknown key'],
  ]
  for (const [body, ...says] of cases) {
    test(`${says[0]}`, async ({ sandbox }) => wrongConfig(sandbox, `{ ${body.replace('SOURCES', SOURCES(sandbox))} }`, ...says))
  }

  test('every fault is told at once, one line each', async ({ sandbox }) =>
    wrongConfig(
      sandbox,
      `{ ${SOURCES(sandbox)} target: {}, schedule: { every: 'soon' }, checks: { smoke: [{ name: 'x' }] } }`,
      /^ {2}target: unknown key/m,
      /^ {2}schedule\.every: "soon" is not a duration/m,
      /^ {2}checks\.smoke\.0\.run: is missing/m,
    ))
})

describe('a value of the wrong kind', () => {
  const target = (more: string): string => `SOURCES targets: { claude: { from: '.claude', to: '~/.claude', ${more} } }`
  const cases: readonly (readonly [body: string, says: string | RegExp])[] = [
    ['', 'sources: is missing'],
    ['sources: null', 'sources: must be an object'],
    ['sources: []', 'sources: must be an object'],
    ["sources: ['/x']", 'sources: must be an object'],
    ['sources: {}', 'sources: names no source'],
    ["sources: 'git@x:y'", 'sources: must be an object'],
    ["sources: { team: '/x' }", 'sources.team: must be an object'],
    ['sources: { team: [] }', 'sources.team: must be an object'],
    ['sources: { team: {} }', 'sources.team.repo: is missing'],
    ['sources: { team: { repo: 1 } }', 'sources.team.repo: must be a Git URL'],
    ["sources: { team: { repo: '' } }", 'sources.team.repo: must be a Git URL'],
    ["sources: { team: { repo: '/x', ref: 7 } }", 'sources.team.ref: must be a branch'],
    ["sources: { team: { repo: '/x', ref: '' } }", 'sources.team.ref: must be a branch'],
    ["sources: { team: { repo: '/x', ref: '-x' } }", 'sources.team.ref: "-x" is not a branch'],
    ["sources: { team: { repo: '/x', ref: 'a..b' } }", 'sources.team.ref: "a..b" is not a branch'],
    ["sources: { team: { repo: '/x', ref: 'a:b' } }", 'sources.team.ref: "a:b" is not a branch'],
    ["sources: { team: { repo: '/x', ref: 'a@{1}' } }", 'sources.team.ref: "a@{1}" is not a branch'],
    ["sources: { team: { repo: '/x', ref: 'x.lock' } }", 'sources.team.ref: "x.lock" is not a branch'],
    ["sources: { team: { repo: '/x', ref: '/main' } }", 'sources.team.ref: "/main" is not a branch'],
    ["sources: { team: { repo: '/x', ref: 'a//b' } }", 'sources.team.ref: "a//b" is not a branch'],
    ["sources: { team: { repo: '/x', ref: 'main.' } }", 'sources.team.ref: "main." is not a branch'],
    ["sources: { team: { repo: '/x', ref: '@' } }", 'sources.team.ref: "@" is not a branch'],
    ["sources: { team: { repo: '/x', ref: 'a\\nb' } }", /sources\.team\.ref: .* is not a branch/],
    ["sources: { team: { repo: '/x', fsck: 'no' } }", 'sources.team.fsck: must be true or false'],
    ["sources: { team: { repo: '/x', timeout: 5 } }", 'sources.team.timeout: must be a duration'],
    ["sources: { team: { repo: '/x', timeout: '-5s' } }", 'sources.team.timeout: "-5s" is not a duration'],
    ["sources: { team: { repo: '/x', timeout: '0s' } }", 'sources.team.timeout: "0s" is not a duration'],
    ['SOURCES targets: []', 'targets: must be an object'],
    ['SOURCES targets: new Map()', 'targets: must be an object'],
    ["SOURCES targets: { claude: '~/.claude' }", 'targets.claude: must be an object'],
    ['SOURCES targets: { claude: null }', 'targets.claude: must be an object'],
    ["SOURCES targets: { claude: { from: '.claude' } }", 'targets.claude.to: is missing'],
    ["SOURCES targets: { claude: { to: '~/x' } }", 'targets.claude.from: is missing'],
    ["SOURCES targets: { claude: { from: '../x', to: '~/x' } }", 'targets.claude.from: "../x" must be a directory in the source'],
    ["SOURCES targets: { claude: { from: '/etc', to: '~/x' } }", 'targets.claude.from: "/etc" must be a directory in the source'],
    ["SOURCES targets: { claude: { from: 'a/../b', to: '~/x' } }", 'targets.claude.from: "a/../b" must be a directory in the source'],
    ["SOURCES targets: { claude: { from: '.git', to: '~/x' } }", 'targets.claude.from: ".git"'],
    ["SOURCES targets: { claude: { from: '.', to: '~alice/x' } }", 'targets.claude.to: "~alice/x"'],
    ["SOURCES targets: { claude: { from: '.', to: 'a\\0b' } }", 'targets.claude.to: holds a control character'],
    ["SOURCES targets: { claude: { from: '.', to: '~/.local/state/gitops/site' } }", 'targets.claude.to: is where the state lies'],
    ["SOURCES targets: { claude: { from: '.', to: '~/.local/state/gitops/site/sources' } }", 'targets.claude.to: is where the state lies'],
    [target("include: '*.md'"), 'targets.claude.include: must be a list of globs'],
    [target('exclude: [1]'), 'targets.claude.exclude.0: must be a glob'],
    [target("exclude: ['../x']"), 'targets.claude.exclude: "../x" must be relative'],
    [target("protect: ['/x']"), 'targets.claude.protect: "/x" must be relative'],
    [target("modes: { 'a': 0o755 }"), 'targets.claude.modes.a: must be an octal mode'],
    [target("modes: { 'a': '999' }"), 'targets.claude.modes.a: must be an octal mode'],
    [target("modes: ['0600']"), 'targets.claude.modes: must be an object'],
    [target("adopt: 'yes'"), "targets.claude.adopt: must be 'careful', 'replace', 'refuse' or 'leave', or one of them for each glob"],
    [target("onDrift: { 'a*': 'yes' }"), "targets.claude.onDrift: must be 'heal', 'keep' or 'refuse', or one of them for each glob"],
    [target('onDrift: []'), "targets.claude.onDrift: must be 'heal', 'keep' or 'refuse', or one of them for each glob"],
    [target('onRemove: true'), "targets.claude.onRemove: must be 'restore' or 'leave'"],
    [target('when: 1'), 'targets.claude.when: must be true, false'],
    [target("when: { hots: 'x' }"), /targets\.claude\.when(?:\.hots)?: /],
    [target('when: async () => false'), 'targets.claude.when: its function must return true or false'],
    [target('when: () => { throw new Error("odd host") }'), /targets\.claude\.when: .*odd host/],
    ['SOURCES checks: []', 'checks: must be an object'],
    ['SOURCES checks: { smoke: {} }', 'checks.smoke: must be a list of checks'],
    ["SOURCES checks: { smoke: ['true'] }", 'checks.smoke.0: must be an object'],
    ["SOURCES checks: { smoke: [{ name: 'x', run: 5 }] }", 'checks.smoke.0.run: must be a shell command or a function'],
    ["SOURCES checks: { smoke: [{ run: 'true' }] }", 'checks.smoke.0.name: is missing'],
    ["SOURCES checks: { smoke: [{ name: 'x', run: 'true', retries: -1 }] }", 'checks.smoke.0.retries: must not be negative'],
    ["SOURCES checks: { smoke: [{ name: 'x', run: 'true', retries: 1.5 }] }", 'checks.smoke.0.retries: must be a whole number'],
    ["SOURCES checks: { smoke: [{ name: 'x', run: 'true', timeout: 'never' }] }", 'checks.smoke.0.timeout: "never" is not a duration'],
    ["SOURCES checks: { smoke: [{ name: 'x', run: 'true', source: 'them' }] }", 'checks.smoke.0.source: there is no source "them"'],
    ["SOURCES checks: { syntax: 'yes' }", 'checks.syntax: must be true, false or { exclude: [globs] }'],
    ["SOURCES tasks: { before: [{ name: 'x' }] }", 'tasks.before.0.run: is missing'],
    ["SOURCES tasks: { after: 'x' }", 'tasks.after: must be a list of tasks'],
    ['SOURCES schedule: {}', 'schedule.every: is missing'],
    ["SOURCES schedule: '5m'", 'schedule: must be an object'],
    ["SOURCES name: '../x'", 'name: must be letters'],
    ["SOURCES name: 'a b'", 'name: must be letters'],
    ['SOURCES name: 1', 'name: must be a name'],
    ['SOURCES home: 5', 'home: must be a directory'],
    ["SOURCES home: '~bob'", 'home: "~bob"'],
  ]
  for (const [body, says] of cases) {
    test(body.replace('SOURCES', '…').replaceAll('\\', '/'), async ({ sandbox }) =>
      wrongConfig(sandbox, `{ ${body.replace('SOURCES', SOURCES(sandbox))} } as never`, says),
    )
  }
})

describe('a config that contradicts itself', () => {
  test('a target of a source that is not there: the known ones are told', async ({ sandbox }) =>
    wrongConfig(
      sandbox,
      `{ ${SOURCES(sandbox)} targets: { claude: { source: 'tem', from: '.claude', to: '~/.claude' } } }`,
      'targets.claude.source: there is no source "tem"; known: team',
    ))

  test('several sources, and a target that names none', async ({ sandbox }) =>
    wrongConfig(
      sandbox,
      `{ sources: { a: { repo: '/a' }, b: { repo: '/b' } }, targets: { claude: { from: '.claude', to: '~/.claude' } } }`,
      'targets.claude.source: is missing; there are several sources: a, b',
    ))

  for (const [one, two] of [
    ['~/.claude', '~/.claude'],
    ['~/.claude', '~/.claude/hooks'],
    ['~/.claude/hooks/', '~/.claude'],
    ['~/a/../.claude', '~/.claude/./x'],
  ] as const) {
    test(`nested targets: ${one} and ${two}`, async ({ sandbox }) =>
      wrongConfig(
        sandbox,
        `{ ${SOURCES(sandbox)} targets: { one: { from: '.claude', to: '${one}' }, two: { from: '.', to: '${two}' } } }`,
        'targets.two.to:',
        'of targets.one',
        'a live path has one owner',
      ))
  }

  test('targets that are neighbours with a common beginning are not nested', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(
      `{ ${SOURCES(sandbox)} targets: { one: { from: '.claude', to: '~/.claude' }, two: { from: '.claude', to: '~/.claude-two' } } }`,
    )
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  })
})

describe('a repository that must not be named so', () => {
  for (const url of [
    'https://bob:sesame@git.example.org/x.git',
    'ssh://bob:sesame@git.example.org/x',
    'http://:sesame@h/x',
    'https://b%40:se@same@h/x',
  ]) {
    test(`a password in ${url}: it is refused and never repeated`, async ({ sandbox }) => {
      sandbox.config(`{ sources: { team: { repo: '${url}' } } }`)
      await refused(sandbox, { code: 2, says: ['sources.team.repo: holds a password', 'credential helper'], never: ['sesame', 'same@'] })
    })
  }

  for (const [what, repo] of [
    ['a newline', 'https://h/x\\ny'],
    ['an escape', 'https://h/\\u001b[31mx'],
    ['a carriage return', '/srv/x\\r'],
    ['a NUL', '/srv/\\0x'],
  ] as const) {
    test(`${what} in it`, async ({ sandbox }) => {
      sandbox.config(`{ sources: { team: { repo: '${repo}' } } }`)
      await refused(sandbox, { code: 2, says: ['sources.team.repo: holds a control character'] })
    })
  }

  test('a leading dash, which Git would take for an option', async ({ sandbox }) => {
    sandbox.config(`{ sources: { team: { repo: '--upload-pack=touch /tmp/x' } } }`)
    await refused(sandbox, { code: 2, says: ['sources.team.repo: must not start with a dash'] })
  })

  test('a transport that is a command is not run', async ({ sandbox }) => {
    const witness = join(sandbox.root, 'witness')
    sandbox.config(`{ sources: { team: { repo: 'ext::sh -c touch% ${witness}' } } }`)
    await refused(sandbox, { code: 1, says: ['could not be fetched', "transport 'ext' not allowed"] })
    await refused(sandbox, { code: 1, says: ['could not be fetched'], env: { GIT_ALLOW_PROTOCOL: 'ext' } })
    expect(existsSync(witness)).toBe(false)
  })
})

describe('what only a pull can find', () => {
  test('a ref that is not there', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace("'main'", "'mian'"))
    await refused(sandbox, { code: 1, says: ['there is no branch, tag or commit "mian" in', sandbox.remote, 'Mend sources.team.ref'] })
  })

  test('a commit that is not there', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace("'main'", "'0123456789012345678901234567890123456789'"))
    await refused(sandbox, { code: 1, says: ['there is no branch, tag or commit "0123456'] })
  })

  test('a local repository that is not there', async ({ sandbox }) => {
    sandbox.config(DEFAULT_CONFIG('/nowhere/at/all.git'))
    await refused(sandbox, { code: 1, says: ['/nowhere/at/all.git does not exist', 'Mend sources.team.repo'] })
  })

  test('a local directory that is no repository', async ({ sandbox }) => {
    mkdirSync(join(sandbox.root, 'plain'))
    sandbox.config(DEFAULT_CONFIG(join(sandbox.root, 'plain')))
    await refused(sandbox, { code: 1, says: ['could not be fetched', join(sandbox.root, 'plain')] })
  })

  test('a remote that cannot be reached', async ({ sandbox }) => {
    sandbox.config(DEFAULT_CONFIG('git://127.0.0.1:1/x.git'))
    await refused(sandbox, { code: 1, says: ['source team could not be fetched', '127.0.0.1', 'See that `git fetch` reaches it'] })
  })

  test('an empty remote', async ({ sandbox }) => {
    sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace(", ref: 'main'", ''))
    await refused(sandbox, { code: 1, says: ['team', 'HEAD'] })
  })

  test('a target whose `from` is not in the commit', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace("'.claude'", "'.cluade'"))
    await refused(sandbox, { code: 1, says: ['there is no directory ".cluade" in team', 'Mend targets.claude.from'] })
  })

  test('a target whose `from` is a file', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(DEFAULT_CONFIG(sandbox.remote).replace("'.claude'", "'.claude/settings.json'"))
    await refused(sandbox, { code: 1, says: ['there is no directory ".claude/settings.json" in team'] })
  })

  test('the self source outside of any repository', async ({ sandbox }) => {
    sandbox.config(DEFAULT_CONFIG('.').replace(", ref: 'main'", ''))
    await refused(sandbox, { code: 1, says: ["sources.team.repo is '.'", 'is not in a Git repository', 'git init'] })
  })

  test('no Git on this machine', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    await refused(sandbox, { code: 1, env: { PATH: '/nowhere' }, says: ['git was not found', 'Install Git'] })
  })
})

describe('the command line', () => {
  test('an unknown option, with the one that was meant', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    await refused(sandbox, { code: 2, args: ['--dry-rnu'], says: ["unknown option '--dry-rnu'", 'Did you mean --dry-run?'] })
  })

  test('excess arguments', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    await refused(sandbox, { code: 2, args: ['now'], says: ['too many arguments'] })
  })

  test('an option without its value', async ({ sandbox }) => {
    await refused(sandbox, { code: 2, args: ['--config'], says: ["option '-c, --config <file>' argument missing"] })
  })

  test('control characters in what was typed do not reach the terminal', async ({ sandbox }) => {
    await refused(sandbox, { code: 2, args: ['--\u001b[31mred'], says: ['\\u001b[31mred'] })
    await refused(sandbox, { code: 2, args: ['--config', 'a\u001b[31m.ts'], says: ['\\u001b[31m.ts is not a file'] })
  })

  test('an unknown command, for people and for programs', async ({ sandbox }) => {
    sandbox.config()
    const before = world(sandbox, true)
    for (const args of [['reconcil'], ['reconcil', '--json'], ['nosuch', '--help'], ['re\u001b[31m']]) {
      const { code, said } = await sandbox.gitops(args)
      expect(code).toBe(2)
      expect(said).toContain('unknown command')
      expect(said).toContain('reconcile')
      expect(said).not.toContain('\u001b')
      expect(said).not.toMatch(/^\s+at /m)
    }
    expect(world(sandbox, true)).toEqual(before)
  })

  test('the other commands refuse the same, with the same code', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(`{ ${SOURCES(sandbox)} target: {} }`)
    const before = world(sandbox, true)
    for (const args of [['status'], ['status', '--json'], ['diff'], ['rollback'], ['retry']]) {
      const { code, said } = await sandbox.gitops(args)
      expect([args, code]).toEqual([args, 2])
      expect(said).toContain('target: unknown key; did you mean "targets"?')
      expect(said).not.toMatch(/^\s+at /m)
    }
    expect(world(sandbox, true)).toEqual(before)
  })
})

test('a state directory that cannot be made is said in a sentence', async ({ sandbox }) => {
  sandbox.commit(FILES)
  sandbox.config()
  sandbox.write(sandbox.home, { '.local': 'a file\n' })
  await refused(sandbox, { code: 1, says: [/ENOTDIR|EEXIST|not a directory/, '.local'] })
})

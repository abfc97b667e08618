import { existsSync, mkdirSync, renameSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Files, type Sandbox } from '../support/sandbox.ts'

const FILES = { '.claude/settings.json': '{"a":1}\n' }

/** The config of these stories as the text of a module. */
const moduleText = (sandbox: Sandbox): string =>
  `import { defineConfig } from 'gitops'\n\nexport default defineConfig(${DEFAULT_CONFIG(sandbox.remote)})\n`

/** The same one as plain data. */
const data = (sandbox: Sandbox): object => ({
  name: 'story',
  sources: { team: { repo: sandbox.remote, ref: 'main' } },
  targets: { claude: { source: 'team', from: '.claude', to: '~/.claude' } },
})

/** A reconcile from a directory brings the files: the config was found, loaded and understood. */
async function works(sandbox: Sandbox, directory = sandbox.site, ...args: string[]): Promise<void> {
  const { said, code } = await sandbox.gitops(['reconcile', ...args], { cwd: directory })
  expect(said).toContain('Applied: team')
  expect(code).toBe(0)
  expect(sandbox.live('.claude/settings.json')).toBe('{"a":1}\n')
}

describe('a config loads wherever it lies', () => {
  test('with no package.json and no node_modules anywhere near', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    await works(sandbox)
  })

  for (const ending of ['ts', 'mts', 'js', 'mjs']) {
    for (const type of ['commonjs', 'module', 'none']) {
      test(`as gitops.config.${ending} next to a package.json whose type is ${type}`, async ({ sandbox }) => {
        sandbox.commit(FILES)
        sandbox.write(sandbox.site, {
          'package.json': JSON.stringify(type === 'none' ? {} : { type }),
          [`gitops.config.${ending}`]: moduleText(sandbox),
        })
        await works(sandbox)
      })
    }
  }

  test('as a CommonJS gitops.config.js', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, {
      'package.json': '{"type":"commonjs"}',
      'gitops.config.js': `const { defineConfig } = require('gitops')\nmodule.exports = defineConfig(${DEFAULT_CONFIG(sandbox.remote)})\n`,
    })
    await works(sandbox)
  })

  test('as JSON', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, { 'gitops.config.json': JSON.stringify(data(sandbox)) })
    await works(sandbox)
  })

  test('as YAML', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, {
      'gitops.config.yaml': [
        '# the team',
        'name: story',
        'sources:',
        `  team: { repo: ${JSON.stringify(sandbox.remote)}, ref: main }`,
        'targets:',
        '  claude: { from: .claude, to: ~/.claude }',
        '',
      ].join('\n'),
    })
    await works(sandbox)
  })

  for (const name of ['with blanks', 'a#b', 'a?b', '100%', '%41', 'é ü 漢', "it's", 'a;b&c$HOME', 'line\nbreak']) {
    test(`in a directory named ${JSON.stringify(name)}`, async ({ sandbox }) => {
      sandbox.commit(FILES)
      sandbox.write(join(sandbox.site, name), {
        'gitops.config.ts': `import { DEPTH } from './helper.ts'\n${moduleText(sandbox)}export { DEPTH }\n`,
        'helper.ts': 'export const DEPTH: number = 1\n',
      })
      await works(sandbox, join(sandbox.site, name))
    })
  }

  test('through a symlinked node_modules, which is not where gitops comes from', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(join(sandbox.root, 'elsewhere'), {
      'gitops/package.json': '{"name":"gitops","type":"module","exports":"./index.js"}',
      'gitops/index.js': "throw new Error('another gitops was loaded')\n",
      'words/package.json': '{"name":"words","type":"commonjs","main":"./index.js"}',
      'words/index.js': "module.exports = { target: '~/.claude' }\n",
    })
    symlinkSync(join(sandbox.root, 'elsewhere'), join(sandbox.site, 'node_modules'))
    sandbox.write(sandbox.site, {
      'gitops.config.ts': `import words from 'words'\n${moduleText(sandbox).replace("'~/.claude'", 'words.target')}`,
    })
    await works(sandbox)
  })

  test('with a helper beside it in TypeScript, whatever package.json says', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, {
      'package.json': '{"type":"commonjs"}',
      'lib/targets.ts': `import { defineCheck } from 'gitops'\nimport type { Host } from 'gitops'\nexport const to = (host: Host): string => host.home + '/.claude'\nexport const check = defineCheck({ name: 'x', run: 'true' })\n`,
      'gitops.config.ts': `import { defineConfig } from 'gitops'
import { check, to } from './lib/targets.ts'
export default defineConfig((host) => ({
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
  targets: { claude: { from: '.claude', to: to(host) } },
  checks: { smoke: [check] },
}))\n`,
    })
    await works(sandbox)
  })

  test('and what its functions import later is found as well', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, {
      'package.json': '{"type":"commonjs"}',
      'later.ts': `import { defineConfig } from 'gitops'\nexport const ok: boolean = typeof defineConfig === 'function'\n`,
      'gitops.config.ts': moduleText(sandbox).replace(
        "name: 'story',",
        `name: 'story', checks: { smoke: [{ name: 'later', run: async () => { if (!(await import('./later.ts')).ok) throw new Error('no') } }] },`,
      ),
    })
    await works(sandbox)
  })

  test('a TypeScript feature that needs a compiler is refused in a sentence', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, { 'gitops.config.ts': `enum Colour { Red }\n${moduleText(sandbox)}export { Colour }\n` })
    const { said, code } = await sandbox.gitops(['reconcile'])
    expect(code).toBe(2)
    expect(said).toContain('enum is not supported')
    expect(said).not.toMatch(/^\s+at /m)
  })
})

describe('a config is found', () => {
  test('from a subdirectory, upward to the root of the repository', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.git(sandbox.site, 'init', '--quiet')
    sandbox.config()
    mkdirSync(join(sandbox.site, 'a/b c'), { recursive: true })
    await works(sandbox, join(sandbox.site, 'a/b c'))
  })

  test('from a subdirectory of home, upward to home', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.home, { 'gitops.config.ts': moduleText(sandbox) })
    mkdirSync(join(sandbox.home, 'notes/deep'), { recursive: true })
    await works(sandbox, join(sandbox.home, 'notes/deep'))
  })

  test('when home is reached through a link', async ({ sandbox }) => {
    sandbox.commit(FILES)
    const linked = join(sandbox.root, 'linked-home')
    symlinkSync(sandbox.home, linked)
    sandbox.write(sandbox.home, { 'gitops.config.ts': moduleText(sandbox), 'notes/x': '' })
    const { code, said } = await sandbox.gitops(['reconcile'], { cwd: join(sandbox.home, 'notes'), env: { HOME: linked } })
    expect(said).toContain('Applied: team')
    expect(code).toBe(0)
  })

  test('but never above the repository, where a stranger may have put one', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    const inner = join(sandbox.site, 'inner')
    mkdirSync(join(inner, 'deep'), { recursive: true })
    sandbox.git(inner, 'init', '--quiet')
    const { code, said } = await sandbox.gitops(['reconcile'], { cwd: join(inner, 'deep') })
    expect(code).toBe(2)
    expect(said).toContain(
      `there is no gitops.config.ts (or .mts .js .mjs .yaml .json) in ${join(inner, 'deep')} or above it up to ${inner}`,
    )
    expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
  })

  test('nor above a directory that is in no repository and not in home, such as /tmp', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    mkdirSync(join(sandbox.site, 'plain'))
    const { code, said } = await sandbox.gitops(['reconcile'], { cwd: join(sandbox.site, 'plain') })
    expect(code).toBe(2)
    expect(said).toContain(`in ${join(sandbox.site, 'plain')}\n`)
    expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
  })

  test('nor above home', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.root, { 'gitops.config.ts': moduleText(sandbox) })
    const { code } = await sandbox.gitops(['reconcile'], { cwd: sandbox.home })
    expect(code).toBe(2)
    expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
  })

  test('by --config, under any name and from anywhere', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(sandbox.site, { 'my own/team config.ts': moduleText(sandbox) })
    await works(sandbox, sandbox.root, '--config', join(relative(sandbox.root, sandbox.site), 'my own/team config.ts'))
  })

  test('by GITOPS_REPO_PATH, absolute or relative to the working directory', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    const absolute = await sandbox.gitops(['reconcile'], { cwd: sandbox.root, env: { GITOPS_REPO_PATH: sandbox.site } })
    expect(absolute.said).toContain('Applied: team')
    const near = await sandbox.gitops(['reconcile'], { cwd: sandbox.home, env: { GITOPS_REPO_PATH: '../site' } })
    expect(near.said).toContain('In sync: team')
  })

  test('and GITOPS_REPO_PATH is the clone that the self source means, absolute or relative', async ({ sandbox }) => {
    const commit = sandbox.commit({
      ...FILES,
      'ops/gitops.config.ts': `import { defineConfig } from 'gitops'\nexport default defineConfig({ name: 'story', sources: { team: { repo: '.' } }, targets: { claude: { from: '.claude', to: '~/.claude' } } })\n`,
    })
    const config = join(sandbox.work, 'ops/gitops.config.ts')
    const relativeTo = await sandbox.gitops(['reconcile', '--config', config], { cwd: sandbox.root, env: { GITOPS_REPO_PATH: 'work' } })
    expect(relativeTo.said).toContain(`Applied: team ${commit.slice(0, 7)}`)
    sandbox.git(sandbox.root, 'clone', '--quiet', sandbox.remote, 'other')
    sandbox.write(join(sandbox.root, 'other'), { '.claude/settings.json': '{"other":true}\n' })
    sandbox.git(join(sandbox.root, 'other'), 'commit', '--quiet', '-am', 'other')
    const other = await sandbox.gitops(['reconcile', '--config', config], {
      cwd: sandbox.root,
      env: { GITOPS_REPO_PATH: join(sandbox.root, 'other') },
    })
    expect(other.code).toBe(0)
    expect(sandbox.live('.claude/settings.json')).toBe('{"other":true}\n')
  })
})

describe('a config may look at where it runs', () => {
  const hosts = (sandbox: Sandbox, targets: string): Files => ({
    'gitops.config.ts': `import { defineConfig } from 'gitops'
export default defineConfig(async ({ host, home, platform, env }) => ({
  name: 'story',
  sources: { team: { repo: ${JSON.stringify(sandbox.remote)} } },
  targets: ${targets},
}))\n`,
  })

  test('a function is given host, home, platform and env, and may be asynchronous', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.write(
      sandbox.site,
      hosts(sandbox, `{ claude: { from: '.claude', to: [home, env.WHERE, platform, host === '' ? 'bad' : 'host'].join('/') } }`),
    )
    const { said, code } = await sandbox.gitops(['reconcile'], { env: { WHERE: 'there' } })
    expect(said).toContain('Applied')
    expect(code).toBe(0)
    expect(sandbox.live(`there/${process.platform}/host/settings.json`)).toBe('{"a":1}\n')
  })

  test('`when` leaves a target out by host, platform, function or plain false', async ({ sandbox }) => {
    sandbox.commit(FILES)
    const when = {
      here: `{ platform: platform }`,
      among: `{ host: ['nowhere', host], platform: [platform] }`,
      yes: `(at) => at.env.ON === '1' && at.home === home`,
      otherHost: `{ host: 'nowhere' }`,
      otherPlatform: `{ platform: ['plan9'] }`,
      half: `{ host: host, platform: 'plan9' }`,
      no: `() => false`,
      never: 'false',
    }
    const targets = Object.entries(when).map(([name, text]) => `${name}: { from: '.claude', to: '~/${name}', when: ${text} }`)
    sandbox.write(sandbox.site, hosts(sandbox, `{ ${targets.join(', ')} }`))
    expect((await sandbox.gitops(['reconcile'], { env: { ON: '1' } })).code).toBe(0)
    expect(Object.keys(when).filter((name) => existsSync(join(sandbox.home, name)))).toEqual(['here', 'among', 'yes'])
  })

  test('`when` leaves a check out', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'elsewhere', run: 'false', when: { host: 'nowhere' } }] },`))
    await works(sandbox)
  })

  test('`home` is what ~ means, and state lies below it', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(
      DEFAULT_CONFIG(
        sandbox.remote,
        `home: './a home', checks: { smoke: [{ name: 'home', run: 'test "$HOME" = "$EXPECTED" && test -s ~/.claude/settings.json' }] },`,
      ),
    )
    const home = join(sandbox.site, 'a home')
    const { said, code } = await sandbox.gitops(['reconcile'], { env: { EXPECTED: home, XDG_STATE_HOME: join(sandbox.root, 'xdg') } })
    expect(said).toContain('Applied')
    expect(code).toBe(0)
    expect(existsSync(join(home, '.claude/settings.json'))).toBe(true)
    expect(existsSync(join(home, '.local/state/gitops/story/inventory.json'))).toBe(true)
    expect(sandbox.tree(sandbox.home)).toEqual({})
    expect(existsSync(join(sandbox.root, 'xdg'))).toBe(false)
  })

  test('a relative XDG_STATE_HOME is passed over: state would be another one in each directory', async ({ sandbox }) => {
    sandbox.commit({ '.claude/a': 'one' })
    sandbox.config()
    expect((await sandbox.gitops(['reconcile'], { env: { XDG_STATE_HOME: 'relative' } })).code).toBe(0)
    expect(existsSync(join(sandbox.state, 'inventory.json'))).toBe(true)
  })

  test('without `home`, XDG_STATE_HOME is where state lies', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    expect((await sandbox.gitops(['reconcile'], { env: { XDG_STATE_HOME: join(sandbox.root, 'xdg') } })).code).toBe(0)
    expect(existsSync(join(sandbox.root, 'xdg/gitops/story/inventory.json'))).toBe(true)
    expect(existsSync(join(sandbox.home, '.local'))).toBe(false)
  })

  test('GITOPS_CHECK_INTERVAL takes seconds or a duration, and nonsense in it is refused', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `schedule: { every: '60s' },`))
    for (const value of ['60', '5m']) expect((await sandbox.gitops(['reconcile'], { env: { GITOPS_CHECK_INTERVAL: value } })).code).toBe(0)
    const { code, said } = await sandbox.gitops(['reconcile'], { env: { GITOPS_CHECK_INTERVAL: 'soon' } })
    expect(code).toBe(2)
    expect(said).toContain('GITOPS_CHECK_INTERVAL')
    expect(said).toContain('"soon"')
  })
})

describe('a name belongs to one config', () => {
  test('the same name from another path that still exists is refused, and nothing changes', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    await works(sandbox)
    const before = sandbox.tree(sandbox.home)
    const other = join(sandbox.root, 'other')
    sandbox.write(other, { 'gitops.config.ts': moduleText(sandbox).replace("'~/.claude'", "'~/.other'") })
    const { code, said } = await sandbox.gitops(['reconcile'], { cwd: other })
    expect(code).toBe(2)
    expect(said).toContain(`the name "story" is taken by ${join(sandbox.site, 'gitops.config.ts')}`)
    expect(sandbox.tree(sandbox.home)).toEqual(before)
  })

  test('without a name, the directory gives it, so two configs in different directories live side by side', async ({ sandbox }) => {
    sandbox.commit(FILES)
    for (const [directory, to] of [
      ['one', '~/.one'],
      ['two two', '~/.two'],
    ] as const) {
      sandbox.write(join(sandbox.root, directory), {
        'gitops.config.ts': moduleText(sandbox).replace("name: 'story',", '').replace("'~/.claude'", JSON.stringify(to)),
      })
      expect((await sandbox.gitops(['reconcile'], { cwd: join(sandbox.root, directory) })).code).toBe(0)
    }
    expect(existsSync(join(sandbox.home, '.local/state/gitops/one/inventory.json'))).toBe(true)
    expect(existsSync(join(sandbox.home, '.local/state/gitops/two-two/inventory.json'))).toBe(true)
  })

  test('a config that moved is adopted with all it owned', async ({ sandbox }) => {
    sandbox.commit({ ...FILES, '.claude/old.md': 'old\n' })
    sandbox.config()
    await works(sandbox)
    const moved = join(sandbox.root, 'moved')
    renameSync(sandbox.site, moved)
    sandbox.commit({ '.claude/old.md': null })
    const { code, said } = await sandbox.gitops(['reconcile'], { cwd: moved })
    expect(said).toContain(`the config moved here from ${join(sandbox.site, 'gitops.config.ts')}`)
    expect(code).toBe(0)
    expect(existsSync(join(sandbox.home, '.claude/old.md'))).toBe(false)
    expect((await sandbox.gitops(['reconcile'], { cwd: moved })).said).not.toContain('moved here')
  })

  test('a config reached through a link is the same config', async ({ sandbox }) => {
    sandbox.commit(FILES)
    sandbox.config()
    await works(sandbox)
    const link = join(sandbox.root, 'link')
    symlinkSync(sandbox.site, link)
    for (const args of [['reconcile'], ['reconcile', '--config', join(link, 'gitops.config.ts')]]) {
      const { code, said } = await sandbox.gitops(args, { cwd: link })
      expect(said).toContain('In sync')
      expect(code).toBe(0)
    }
  })
})

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const claude = (sandbox: Sandbox): Record<string, string> => sandbox.tree(join(sandbox.home, '.claude'))
const stages = (sandbox: Sandbox): string[] => readdirSync(join(sandbox.root, 'runtime'))
const log = (sandbox: Sandbox): string[] => sandbox.live('log').trim().split('\n')

/** One commit that is live. */
async function begun(sandbox: Sandbox): Promise<Record<string, string>> {
  sandbox.config()
  sandbox.commit({ '.claude/settings.json': '{"good":true}\n', '.claude/gone.md': 'old\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  return claude(sandbox)
}

/** Processes whose command line holds a text. */
function running(text: string): number {
  const all = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
  return all.split('\n').filter((line) => line.includes(text)).length
}

test('a validate check sees the whole candidate in a private stage before anything live changes', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `checks: { validate: [
        { name: 'command', run: 'pwd > ~/log; echo $GITOPS_STAGE >> ~/log; echo $GITOPS_REVISION >> ~/log; find . -printf "%P %m\\\\n" | sort > ~/stage; ! test -e ~/.claude/a.md; test -x "$GITOPS_STAGE/claude/run.sh"; cat ~/.claude/gone.md >> ~/log' },
        { name: 'function', run: async ({ $, stage, home, revision, source }) => {
          const said = await $\`cat claude/settings.json; pwd; echo $HOME\`
          if (said.stdout !== '{"good":2}\\n' + stage + '\\n' + home + '\\n') throw new Error(said.stdout)
          await $\`echo \${source} \${revision} >> ~/log\`
        } },
      ] },`,
    ),
  )
  const commit = sandbox.commit({
    '.claude/settings.json': '{"good":2}\n',
    '.claude/gone.md': null as never,
    '.claude/a.md': 'new\n',
    '.claude/run.sh': { text: '#!/bin/sh\n', mode: 0o755 },
    '.claude/link': { link: 'a.md' },
  })
  const ran = await sandbox.gitops(['reconcile'])

  expect(ran.code, ran.said).toBe(0)
  const [cwd, stage, revision, ...rest] = log(sandbox)
  expect(cwd).toBe(stage)
  expect(stage).toMatch(new RegExp(`^${sandbox.root}/runtime/gitops-[0-9a-f]+$`))
  expect(revision).toBe(commit)
  // Nothing was live: the new file was not there, the deleted one still was.
  expect(rest).toEqual(['old', `team ${commit}`])
  expect(sandbox.live('stage')).toBe(' 700\nclaude 755\nclaude/a.md 600\nclaude/link 777\nclaude/run.sh 700\nclaude/settings.json 600\n')
  expect(stages(sandbox)).toEqual([])
  expect(before).not.toEqual(claude(sandbox))
})

test('a validate check that fails refuses the revision: nothing is written and the stage is gone', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.commit({ '.claude/settings.json': '{"good":false}\n' })
  for (const run of [`'echo bad settings >&2; exit 3'`, `async () => { throw new Error('bad settings') }`]) {
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { validate: [{ name: 'strict', run: ${run} }] },`))
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(5)
    expect(ran.said).toContain('Refused: team')
    expect(ran.said).toContain('check "strict" failed')
    expect(ran.said).toContain('bad settings')
    expect(claude(sandbox)).toEqual(before)
    expect(stages(sandbox)).toEqual([])
  }
})

test('a check that runs past its deadline ends with everything that it started', async ({ sandbox }) => {
  await begun(sandbox)
  const before = claude(sandbox)
  sandbox.commit({ '.claude/settings.json': '{"good":2}\n' })
  // A number nobody else sleeps for.
  const mark = `${90000 + process.pid}.${Date.now() % 1000}`
  const forks = `trap '' TERM; (sleep ${mark} &); sleep ${mark} & (sleep ${mark} & sleep ${mark}) & sleep ${mark}`
  for (const run of [JSON.stringify(forks), `async ({ $ }) => { await $\`${forks}\` }`]) {
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'late', run: ${run}, timeout: '1s' }] },`))
    const began = Date.now()
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(6)
    expect(ran.said).toContain('check "late" did not end within 1.0s')
    expect(Date.now() - began).toBeLessThan(12_000)
    await sleep(100)
    expect(running(`sleep ${mark}`), run).toBe(0)
    expect(claude(sandbox)).toEqual(before)
  }
})

test('a process that a check lets loose in a session of its own does not keep a run from ending', async ({ sandbox }) => {
  await begun(sandbox)
  sandbox.commit({ '.claude/settings.json': '{"good":2}\n' })
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'loose', run: 'setsid sleep 25 & sleep 60', timeout: '1s' }] },`),
  )
  const started = Date.now()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  expect(Date.now() - started).toBeLessThan(15_000)
})

test('a check is tried again as often as it may be', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const config = (retries: number): void =>
    sandbox.config(
      DEFAULT_CONFIG(
        sandbox.remote,
        `checks: { smoke: [{ name: 'slow', run: 'echo x >> ~/log; test $(wc -l < ~/log) -ge 3', retries: ${retries} }] },`,
      ),
    )
  config(2)
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  expect(log(sandbox)).toEqual(['x', 'x', 'x'])
})

test('a command that is not there says nothing about the revision: exit 1, nothing is held', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.commit({ '.claude/settings.json': '{"good":2}\n' })
  for (const run of [`'no-such-command-anywhere'`, `async ({ $ }) => { await $\`no-such-command-anywhere\` }`]) {
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'tool', run: ${run} }] },`))
    for (const _ of [1, 2]) {
      const ran = await sandbox.gitops(['reconcile'])
      expect(ran.code, ran.said).toBe(1)
      expect(ran.said).toContain('PATH')
      expect(claude(sandbox)).toEqual(before)
    }
  }
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
})

test('a check that fails with and without the revision rolls back and holds nothing', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'network', run: 'test -e ~/online' }] },`))
  sandbox.commit({ '.claude/settings.json': '{"good":2}\n' })
  for (const _ of [1, 2]) {
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(6)
    expect(ran.said).toContain('fails with and without this revision: nothing is held')
    expect(claude(sandbox)).toEqual(before)
  }
  sandbox.write(sandbox.home, { online: '' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/settings.json')).toBe('{"good":2}\n')
})

test('a check that passes again without the revision holds it, until retry or new content', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/settings.json' }] },`))
  sandbox.commit({ '.claude/settings.json': '{"bad":1}\n', '.claude/gone.md': null as never })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  const held = await sandbox.gitops(['reconcile'])
  expect(held.code, held.said).toBe(5)
  expect(claude(sandbox)).toEqual(before)
  expect((await sandbox.gitops(['retry'])).code).toBe(6)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  sandbox.commit({ '.claude/settings.json': '{"mended":1}\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
})

test('what a smoke check does to our files is put back before the run ends, and kept; an application file it makes stays', async ({
  sandbox,
}) => {
  sandbox.commit({ '.claude/settings.json': '{"a":1}\n', '.claude/gone.md': 'gone', '.claude/old.md': 'old' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const spoil =
    'mkdir -p ~/.claude/projects; echo x > ~/.claude/projects/x; echo "{}" > ~/.claude/settings.json; rm ~/.claude/gone.md; echo y > ~/.claude/old.md'
  for (const source of ["source: 'team', ", '']) {
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'writes', ${source}run: ${JSON.stringify(spoil)} }] },`))
    const wanted = `{"a":2,"from":"${source.length}"}\n`
    sandbox.commit({ '.claude/settings.json': wanted })
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(0)
    expect(ran.stdout).toMatch(
      /^Applied: team .*1 updated; .*gone\.md, .*old\.md, .*settings\.json changed while the checks ran, and are put back/m,
    )
    expect(ran.stderr).toMatch(/settings\.json: edited since it was applied; a copy will be in /)
    expect([sandbox.live('.claude/settings.json'), sandbox.live('.claude/gone.md'), sandbox.live('.claude/old.md')]).toEqual([
      wanted,
      'gone',
      'old',
    ])
    expect(sandbox.live('.claude/projects/x')).toBe('x\n')
    const next = await sandbox.gitops(['reconcile'])
    expect(next.stdout).toMatch(/^In sync: team/m)
    expect((await sandbox.gitops(['status', '--exit-code'])).code).toBe(0)
  }
  const kept = await sandbox.gitops(['kept'])
  expect(kept.stdout).toContain('settings.json')
  // The revision that went live is what is taken back, and what was put back after its checks goes with it.
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(sandbox.live('.claude/settings.json')).toContain('"from":"16"')
})

test('what a smoke check changes and the config lets stay is said, and left', async ({ sandbox }) => {
  const check = `checks: { smoke: [{ name: 'writes', run: 'echo "{}" > ~/.claude/settings.json' }] },`
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, check).replace("to: '~/.claude'", "to: '~/.claude', onDrift: 'keep'"))
  sandbox.commit({ '.claude/settings.json': '{"a":1}\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(0)
  expect(ran.stdout).toMatch(/^Applied: team .*settings\.json changed while the checks ran, and is left so/m)
  expect(sandbox.live('.claude/settings.json')).toBe('{}\n')
})

test('a rollback leaves alone what a smoke check wrote over our file, and says so', async ({ sandbox }) => {
  await begun(sandbox)
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `checks: { smoke: [{ name: 'writes', run: 'grep -q 2 ~/.claude/settings.json || exit 0; echo theirs > ~/.claude/settings.json; exit 1' }] },`,
    ),
  )
  sandbox.commit({ '.claude/settings.json': '{"good":2}\n', '.claude/b.md': 'b\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(6)
  expect(ran.said).toContain('left alone, because something else wrote there since')
  expect(sandbox.live('.claude/settings.json')).toBe('theirs\n')
  expect(existsSync(join(sandbox.home, '.claude/b.md'))).toBe(false)
})

test('broken JSON and YAML are refused with file, line and column before anything is written', async ({ sandbox }) => {
  const before = await begun(sandbox)
  const refused = async (files: Record<string, string>, ...places: string[]): Promise<void> => {
    sandbox.commit(files)
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(5)
    for (const place of places) expect(ran.said).toContain(place)
    expect(claude(sandbox)).toEqual(before)
  }
  await refused({ '.claude/settings.json': '{\n  "a": 1,\n  "b": oops\n}\n' }, 'settings.json:3:8: Unexpected token')
  await refused({ '.claude/settings.json': '{\n  "a": 1,\n}\n' }, 'settings.json:3:1:')
  await refused({ '.claude/settings.json': '' }, 'settings.json:1:1: the file is empty')
  await refused({ '.claude/settings.json': '{"a":tru' }, 'settings.json:1:9:')
  await refused({ '.claude/settings.json': '{"a":1}', '.claude/x/y.yaml': 'a: 1\nb: [1, 2\nc: 3\n' }, 'x/y.yaml:3:')
  await refused({ '.claude/settings.json': '{"a":nul}', '.claude/x/y.yaml': 'a: 1\na: 2\n' }, 'settings.json:1:9:', 'x/y.yaml:2:1:')

  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { syntax: { exclude: ['x/**'] } },`))
  await refused({}, 'settings.json:1:9:')
  sandbox.commit({ '.claude/settings.json': '{"a":1}' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  sandbox.commit({ '.claude/settings.json': '{"a":' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { syntax: false },`))
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live('.claude/settings.json')).toBe('{"a":')
})

/** Two sources from one repository's branches, a target each, and whatever checks. */
function twoSources(sandbox: Sandbox, more: string): void {
  sandbox.config(`{
    name: 'story',
    sources: { one: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' }, two: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'other' } },
    targets: { a: { source: 'one', from: 'a', to: '~/a' }, b: { source: 'two', from: 'b', to: '~/b' } },
    ${more}
  }`)
}

function commitBoth(sandbox: Sandbox, one: string, two: string): void {
  sandbox.commit({ 'a/x.md': `${one}\n`, 'b/x.md': `${two}\n` })
  sandbox.git(sandbox.work, 'push', '--quiet', '--force', 'origin', 'HEAD:other')
}

test('a check that names none of two sources runs last, and its failure takes both back, last first', async ({ sandbox }) => {
  const tasks = `tasks: { after: [
    { name: 'one', source: 'one', run: 'echo did one >> ~/log', undo: 'echo undid one, b is $(cat ~/b/x.md) >> ~/log' },
    { name: 'two', source: 'two', run: 'echo did two >> ~/log', undo: 'echo undid two >> ~/log' },
  ] },`
  twoSources(sandbox, '')
  commitBoth(sandbox, 'old', 'old')
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  twoSources(
    sandbox,
    `${tasks} checks: { smoke: [{ name: 'both', run: 'echo both >> ~/log; ! grep -rq bad ~/a ~/b' }, { name: 'one', source: 'one', run: 'echo one >> ~/log' }] },`,
  )
  commitBoth(sandbox, 'new', 'bad')

  const ran = await sandbox.gitops(['reconcile', '--json'])
  expect(ran.code, ran.said).toBe(6)
  expect([sandbox.live('a/x.md'), sandbox.live('b/x.md')]).toEqual(['old\n', 'old\n'])
  expect(log(sandbox).slice(0, 5)).toEqual(['did one', 'one', 'did two', 'both', 'undid two'])
  expect(log(sandbox)).toContain('undid one, b is old')
  const verdict = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as {
    targets: { source: string; outcome: string }[]
    message: string
  }
  expect(verdict.targets.map(({ source, outcome }) => [source, outcome])).toEqual([
    ['one', 'rolled-back'],
    ['two', 'rolled-back'],
  ])

  // Taking the second one back made the check pass: it alone is held, and the first one goes live.
  const next = await sandbox.gitops(['reconcile'])
  expect(next.code, next.said).toBe(5)
  expect([sandbox.live('a/x.md'), sandbox.live('b/x.md')]).toEqual(['new\n', 'old\n'])
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
})

test('one source that fails leaves the other one applied', async ({ sandbox }) => {
  twoSources(sandbox, '')
  commitBoth(sandbox, 'old', 'old')
  await sandbox.gitops(['reconcile'])
  twoSources(sandbox, `checks: { smoke: [{ name: 'one', source: 'one', run: '! grep -q bad ~/a/x.md' }] },`)
  commitBoth(sandbox, 'bad', 'new')
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(6)
  expect([sandbox.live('a/x.md'), sandbox.live('b/x.md')]).toEqual(['old\n', 'new\n'])
})

const TASKS = (undo: string): string => `tasks: {
  before: [{ name: 'stop', run: 'echo stop, $(cat ~/.claude/settings.json) >> ~/log', undo: 'echo undo stop, $(cat ~/.claude/settings.json) >> ~/log' }],
  after: [
    { name: 'start', run: async ({ $, home, source, revision }) => { await $\`echo start, $(cat \${home}/.claude/settings.json) \${source} >> ~/log\`; if (!revision) throw new Error('no revision') }, undo: async ({ $ }) => { await $\`echo undo start, $(cat ~/.claude/settings.json) >> ~/log\`; ${undo} } },
    { name: 'tell', run: 'echo tell >> ~/log' },
  ] },`

test('tasks run before and after the files, and their undo joins the rollback in reverse order', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `${TASKS('')} checks: { smoke: [{ name: 'good', run: 'grep -q good ~/.claude/settings.json' }] },`),
  )
  sandbox.commit({ '.claude/settings.json': '{"bad":1}\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(6)
  expect(log(sandbox)).toEqual([
    'stop, {"good":true}',
    'start, {"bad":1} team',
    'tell',
    'undo start, {"bad":1}',
    'undo stop, {"good":true}',
  ])
  expect(claude(sandbox)).toEqual(before)
})

test('a task that fails takes everything back, its own half-done work too', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `tasks: { after: [{ name: 'restart', run: 'echo half >> ~/log; exit 1', undo: 'echo undone >> ~/log' }] },`,
    ),
  )
  sandbox.commit({ '.claude/settings.json': '{"new":1}\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(6)
  expect(ran.said).toContain('task "restart" failed')
  expect(log(sandbox)).toEqual(['half', 'undone'])
  expect(claude(sandbox)).toEqual(before)
})

test('an undo that fails is stuck, and all the rest is taken back nevertheless', async ({ sandbox }) => {
  const before = await begun(sandbox)
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `${TASKS(`throw new Error('will not')`)} checks: { smoke: [{ name: 'good', run: 'grep -q good ~/.claude/settings.json' }] },`,
    ),
  )
  sandbox.commit({ '.claude/settings.json': '{"bad":1}\n' })
  const ran = await sandbox.gitops(['reconcile'])
  expect(ran.code, ran.said).toBe(4)
  expect(ran.said).toContain('Then the rollback failed: undo of task "start" failed: will not')
  expect(log(sandbox).at(-1)).toBe('undo stop, {"good":true}')
  expect(claude(sandbox)).toEqual(before)
})

test('checks run with HOME of the config and without anything from ~/.bashrc', async ({ sandbox }) => {
  sandbox.write(sandbox.home, { '.bashrc': 'echo read >> ~/bashrc-was-read\n' })
  sandbox.write(join(sandbox.site, 'elsewhere'), {
    '.bashrc': 'echo read >> ~/bashrc-was-read\n',
    '.profile': 'echo read >> ~/bashrc-was-read\n',
  })
  sandbox.commit({ 'c/a.md': 'a\n' })
  sandbox.config(`{
    name: 'story', home: './elsewhere',
    sources: { team: { repo: ${JSON.stringify(sandbox.remote)}, ref: 'main' } },
    targets: { c: { from: 'c', to: '~/c' } },
    checks: { smoke: [{ name: 'home', run: 'cat ~/c/a.md > $HOME/log; pwd >> $HOME/log' }, { name: 'function', run: async ({ $ }) => { await $\`echo $HOME >> ~/log\` } }] },
  }`)
  const ran = await sandbox.gitops(['reconcile'], { env: { SHLVL: '', SSH_CLIENT: '1 2 3' } })
  expect(ran.code, ran.said).toBe(0)
  const home = join(sandbox.site, 'elsewhere')
  expect(sandbox.tree(home)['log']).toBe(`644 a\n${home}\n${home}\n`)
  expect(existsSync(join(home, 'bashrc-was-read')) || existsSync(join(sandbox.home, 'bashrc-was-read'))).toBe(false)
})

test('a relative XDG_RUNTIME_DIR is passed over, as its specification says', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a': 'one' })
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { validate: [{ name: 'there', run: 'test -f claude/a' }] }`))
  sandbox.write(sandbox.site, { 'run/x': '' })
  expect((await sandbox.gitops(['reconcile'], { env: { XDG_RUNTIME_DIR: 'run' } })).code).toBe(0)
})

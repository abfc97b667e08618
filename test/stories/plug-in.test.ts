import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Listr } from 'listr2'
import { expect } from 'vitest'
import { reconcileTask, type Verdict } from '../../lib/index.ts'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const ZX = join(ROOT, 'node_modules/zx/build/cli.js')

/** A program of somebody's in the site, where `gitops`, `listr2` and `zx` are installed. */
function program(sandbox: Sandbox, text: string): string {
  const modules = join(sandbox.site, 'node_modules')
  if (!existsSync(modules)) {
    mkdirSync(modules)
    symlinkSync(ROOT, join(modules, 'gitops'))
    for (const name of ['listr2', 'zx']) symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  sandbox.write(sandbox.site, { 'program.mjs': text })
  return join(sandbox.site, 'program.mjs')
}

function run(sandbox: Sandbox, command: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, command, { cwd: sandbox.site, env: sandbox.env, encoding: 'utf8', timeout: 30_000 })
}

const failing = (remote: string): string =>
  DEFAULT_CONFIG(remote, `checks: { smoke: [{ name: 'good', run: 'grep -q good ~/.claude/settings.json' }] },`)

/** Nobody holds the lock, and nothing waits to be undone. */
function expectFree(sandbox: Sandbox): void {
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
}

test('a zx script reconciles with one call and gets the verdict, good or bad', async ({ sandbox }) => {
  const good = sandbox.commit({ '.claude/settings.json': '{"good":1}\n' })
  const script = program(
    sandbox,
    `import { reconcile } from 'gitops'
await $\`echo before\`
const verdict = await reconcile(${failing(sandbox.remote)})
console.log(JSON.stringify(verdict))
`,
  )
  const first = run(sandbox, [ZX, script])
  expect(first.stderr).toBe('')
  expect(first.status).toBe(0)
  const verdict = JSON.parse(first.stdout.trim().split('\n').at(-1) ?? '') as Verdict
  expect(verdict).toMatchObject({ kind: 'verdict', outcome: 'applied', exitCode: 0, revisions: { team: good } })
  expect(sandbox.live('.claude/settings.json')).toBe('{"good":1}\n')
  expectFree(sandbox)

  sandbox.commit({ '.claude/settings.json': '{"bad":1}\n' })
  const second = run(sandbox, [ZX, script])
  expect(JSON.parse(second.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    outcome: 'rolled-back',
    exitCode: 6,
    reason: 'SmokeFailed',
  })
  expect(second.status).toBe(0)
  expect(sandbox.live('.claude/settings.json')).toBe('{"good":1}\n')
  expectFree(sandbox)
})

test('a config that is wrong is a verdict too, with the place and nothing changed', ({ sandbox }) => {
  const script = program(
    sandbox,
    `import { reconcile } from 'gitops'
console.log(JSON.stringify(await reconcile({ sources: { team: { repo: '.', reff: 'main' } } })))
`,
  )
  const ran = run(sandbox, [script])
  expect(JSON.parse(ran.stdout)).toMatchObject({ outcome: 'failed', exitCode: 2, reason: 'ConfigInvalid', error: { code: 'config' } })
  expect(ran.stdout).toContain('sources.team.reff')
  expect(sandbox.tree(sandbox.home)).toEqual({})
})

const LIST = (config: string): string => `import { Listr } from 'listr2'
import { reconcileTask } from 'gitops'
const list = new Listr(
  [
    { title: 'build', task: () => {} },
    reconcileTask(${config}),
    { title: 'restart', task: () => console.log('RESTARTED') },
  ],
  { renderer: 'silent' },
)
const outcome = await list.run().then(() => 'done', (error) => error.message)
const shape = (task) => (task.hasSubtasks() ? { [task.initialTitle]: task.subtasks.map(shape) } : task.initialTitle)
console.log(JSON.stringify({ outcome, title: list.tasks[1].title, steps: list.tasks.map(shape) }))
`

interface Told {
  readonly outcome: string
  readonly title: string
  readonly steps: readonly unknown[]
}

test('in another task list, reconcile is one task with its steps below it and its verdict in the title', async ({ sandbox }) => {
  const commit = sandbox.commit({ '.claude/settings.json': '{"good":1}\n' })
  const ran = run(sandbox, [program(sandbox, LIST(failing(sandbox.remote)))])
  expect(ran.stderr).toBe('')
  const told = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as Told
  expect(told.outcome).toBe('done')
  expect(told.title).toBe(`reconcile  Applied: team ${commit.slice(0, 7)}, 1 created.`)
  expect(told.steps[0]).toBe('build')
  const below = (told.steps[1] as { reconcile: unknown[] }).reconcile
  const names = below.flatMap((step) => (typeof step === 'string' ? step : Object.keys(step as object)))
  expect(names.filter((name) => ['pull', 'drift', 'apply', 'record'].includes(name))).toEqual(['pull', 'drift', 'apply', 'record'])
  const chapter = JSON.stringify(below.find((step) => typeof step === 'object' && Object.hasOwn(step as object, 'apply')))
  for (const step of ['decrypt', 'validate', 'sync', 'verify', 'smoke']) expect(chapter).toContain(`"${step}"`)
  expect(ran.stdout).toContain('RESTARTED')
  expect(sandbox.live('.claude/settings.json')).toBe('{"good":1}\n')
  expectFree(sandbox)
})

test('a reconcile that is rolled back fails the list it is in, and leaves no lock', async ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{"good":1}\n' })
  const script = program(sandbox, LIST(failing(sandbox.remote)))
  run(sandbox, [script])
  const bad = sandbox.commit({ '.claude/settings.json': '{"bad":1}\n' })

  const ran = run(sandbox, [script])
  const told = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as Told
  expect(told.outcome).toContain(`Rolled back: team ${bad.slice(0, 7)}`)
  expect(ran.stdout).not.toContain('RESTARTED')
  expect(sandbox.live('.claude/settings.json')).toBe('{"good":1}\n')
  expectFree(sandbox)
})

test('a list fails with the sentence when the reconcile cannot even begin, and nothing is left behind', ({ sandbox }) => {
  const ran = run(sandbox, [
    program(sandbox, LIST(`{ sources: { team: { repo: '.' } }, targets: { x: { source: 'nobody', from: 'a', to: '~/a' } } }`)),
  ])
  const told = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as Told
  expect(told.outcome).toContain('targets.x.source')
  expect(ran.stdout).not.toContain('RESTARTED')
  expect(sandbox.tree(sandbox.home)).toEqual({})
})

test('a source that cannot be reached fails the list, and the lock is free', async ({ sandbox }) => {
  const ran = run(sandbox, [program(sandbox, LIST(DEFAULT_CONFIG(join(sandbox.root, 'nowhere'))))])
  const told = JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '') as Told
  expect(told.outcome).toContain('nowhere does not exist')
  expect(ran.stdout).not.toContain('RESTARTED')
  expectFree(sandbox)
})

for (const [how, call] of [
  ['reconcile()', `console.log(JSON.stringify(await reconcile(config, { signal: controller.signal })))`],
  [
    'reconcileTask() in a list',
    `const list = new Listr([reconcileTask(config, { signal: controller.signal })], { renderer: 'silent' })
console.log(JSON.stringify(await list.run().then(() => ({}), ({ message }) => ({ message }))))`,
  ],
] as const) {
  test(`an AbortSignal interrupts ${how}: what it began is undone`, async ({ sandbox }) => {
    sandbox.commit({ '.claude/settings.json': '{"old":1}\n', '.claude/gone.md': 'old\n' })
    const first = `import { reconcile } from 'gitops'\nawait reconcile(${DEFAULT_CONFIG(sandbox.remote)})\n`
    expect(run(sandbox, [program(sandbox, first)]).status).toBe(0)
    const before = sandbox.tree(join(sandbox.home, '.claude'))
    sandbox.git(sandbox.work, 'rm', '--quiet', '.claude/gone.md')
    sandbox.commit({ '.claude/settings.json': '{"new":1}\n', '.claude/new.md': 'new\n' })

    const config = DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'slow', run: 'touch ~/smoking; sleep 60' }] },`)
    const script = program(
      sandbox,
      `import { existsSync } from 'node:fs'
import { Listr } from 'listr2'
import { reconcile, reconcileTask } from 'gitops'
const controller = new AbortController()
const config = ${config}
const poll = setInterval(() => { if (existsSync(process.env.HOME + '/smoking')) { clearInterval(poll); controller.abort() } }, 20).unref()
${call}
`,
    )
    const child = spawn(process.execPath, [script], {
      cwd: sandbox.site,
      env: sandbox.env,
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 30_000,
    })
    let stdout = ''
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()))
    const code = await new Promise((done) => child.once('close', done))
    expect(code).toBe(0)
    expect(stdout).toContain('interrupted by the program that runs it')
    if (how === 'reconcile()') expect(JSON.parse(stdout)).toMatchObject({ outcome: 'failed', exitCode: 130, reason: 'Interrupted' })
    expect(existsSync(join(sandbox.home, 'smoking'))).toBe(true)
    expect(sandbox.tree(join(sandbox.home, '.claude'))).toEqual(before)
    expectFree(sandbox)
  })
}

test('a signal that is aborted already changes nothing', ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{}\n' })
  const script = program(
    sandbox,
    `import { reconcile } from 'gitops'
console.log(JSON.stringify(await reconcile(${DEFAULT_CONFIG(sandbox.remote)}, { signal: AbortSignal.abort() })))
`,
  )
  expect(JSON.parse(run(sandbox, [script]).stdout)).toMatchObject({ outcome: 'failed', exitCode: 130, reason: 'Interrupted' })
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
})

test('two reconciles of one program wait for each other', ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{}\n' })
  const script = program(
    sandbox,
    `import { reconcile } from 'gitops'
const config = ${DEFAULT_CONFIG(sandbox.remote)}
const both = await Promise.all([reconcile(config), reconcile(config)])
console.log(JSON.stringify(both.map((verdict) => verdict.outcome).sort()))
`,
  )
  expect(JSON.parse(run(sandbox, [script]).stdout)).toEqual(['applied', 'in-sync'])
})

test('a reconcile that waits for another one can be interrupted', ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{}\n' })
  const script = program(
    sandbox,
    `import { reconcile } from 'gitops'
const config = ${DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'slow', run: 'sleep 1.5' }] },`)}
const first = reconcile(config)
const second = await reconcile(config, { signal: AbortSignal.timeout(700) })
console.log(JSON.stringify([second.reason, (await first).outcome]))
`,
  )
  expect(JSON.parse(run(sandbox, [script]).stdout)).toEqual(['Interrupted', 'applied'])
})

test('a dry run of a program tells what would be done and writes nothing', ({ sandbox }) => {
  sandbox.commit({ '.claude/settings.json': '{}\n' })
  const script = program(
    sandbox,
    `import { reconcile } from 'gitops'
console.log(JSON.stringify(await reconcile(${DEFAULT_CONFIG(sandbox.remote)}, { dryRun: true })))
`,
  )
  expect(JSON.parse(run(sandbox, [script]).stdout)).toMatchObject({ outcome: 'applied', exitCode: 3, targets: [{ created: 1 }] })
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
})

test('the task fits into a list with a context of its own, by its types too', () => {
  const list = new Listr<{ readonly version: string }>([
    reconcileTask({ sources: { team: { repo: '.' } } }),
    { title: 'other', task: () => {} },
  ])
  expect(list.tasks.map((task) => task.title)).toEqual(['reconcile', 'other'])
})

import { execFile, execFileSync } from 'node:child_process'
import { appendFileSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import { DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const TRAIL = '.claude-gitops-audit.log'
const AUDIT = `audit: { path: '~/${TRAIL}' },`
/** The module of the built program that writes the trail. */
const WRITER = resolve(import.meta.dirname, '../../dist/lib/host/audit.js')

type Line = Record<string, unknown>

const lines = (sandbox: Sandbox): Line[] =>
  sandbox
    .live(TRAIL)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line)
const types = (sandbox: Sandbox): unknown[] => lines(sandbox).map((line) => line['change_type'])

function configure(sandbox: Sandbox, more = ''): void {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `${AUDIT} ${more}`))
}

/** A first revision that is live. */
async function begun(sandbox: Sandbox): Promise<string> {
  configure(sandbox)
  const commit = sandbox.commit({ '.claude/a.md': 'a\n', '.claude/b.md': 'b\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  return commit
}

test('a record has the five fields of the original log, the time as `date -Iseconds` writes it, and structured ones beside them', async ({
  sandbox,
}) => {
  const zone = { TZ: 'Asia/Kolkata' }
  configure(sandbox)
  const commit = sandbox.commit({ '.claude/a.md': 'a\n', '.claude/b.md': 'b\n' })
  const date = (): string => execFileSync('date', ['-Iseconds'], { env: { ...sandbox.env, ...zone }, encoding: 'utf8' }).trim()
  const before = date()
  expect((await sandbox.gitops(['reconcile'], { env: zone })).code).toBe(0)
  const after = date()

  const [record, ...others] = lines(sandbox)
  expect(others).toEqual([])
  const paths = [join(sandbox.home, '.claude/a.md'), join(sandbox.home, '.claude/b.md')]
  expect(record).toEqual({
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+05:30$/) as string,
    change_type: 'applied',
    files: paths.join(', '),
    commit,
    user: 'story',
    paths,
    author: 'Story <story@example.org>',
    source: 'team',
    targets: ['claude'],
    outcome: 'applied',
    reason: 'Applied',
    message: '2 created',
    host: expect.stringMatching(/./) as string,
    generation: 1,
  })
  const timestamp = String(record?.['timestamp'])
  expect(timestamp >= before && timestamp <= after, `${before} ${timestamp} ${after}`).toBe(true)
  expect(statSync(join(sandbox.home, TRAIL)).mode & 0o777).toBe(0o600)
})

test('both jq queries of the original run as they are written', async ({ sandbox, skip }) => {
  try {
    execFileSync('sh', ['-c', 'command -v jq'], { stdio: 'ignore' })
  } catch {
    skip('jq is not installed')
  }
  const john = { USER: 'john', LOGNAME: 'john' }
  await begun(sandbox)
  sandbox.commit({ '.claude/b.md': 'changed\n' })
  expect((await sandbox.gitops(['reconcile'], { env: john })).code).toBe(0)
  const bash = (script: string): string => execFileSync('bash', ['-c', script], { env: sandbox.env, encoding: 'utf8' })

  const all = bash(`# Show all config changes
jq -r '.timestamp + " " + .change_type + " " + .files' \\
  ~/.claude-gitops-audit.log
`)
  const [a, b] = [join(sandbox.home, '.claude/a.md'), join(sandbox.home, '.claude/b.md')]
  const [first, second] = lines(sandbox).map((line) => String(line['timestamp']))
  expect(all).toBe(`${first} applied ${a}, ${b}\n${second} applied ${b}\n`)

  const johns = bash(`# Show changes by user
jq -r 'select(.user == "john") | .timestamp + " " + .files' \\
  ~/.claude-gitops-audit.log
`)
  expect(johns).toBe(`${second} ${b}\n`)
})

test('`gitops audit` answers by user, time, type and file, for people and as JSON', async ({ sandbox }) => {
  await begun(sandbox)
  const commit = sandbox.commit({ '.claude/b.md': 'changed\n' })
  expect((await sandbox.gitops(['reconcile'], { env: { USER: 'john', LOGNAME: 'john' } })).code).toBe(0)
  sandbox.write(sandbox.home, { '.claude/a.md': 'mine\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const [first, second, third] = lines(sandbox) as [Line, Line, Line]
  // One from long ago, as an old trail has them.
  const old = { ...first, timestamp: '2001-02-03T04:05:06+00:00', user: 'mary' }
  const now = sandbox.live(TRAIL)
  sandbox.write(sandbox.home, { [TRAIL]: `${JSON.stringify(old)}\n${now}` })

  const ask = async (...args: string[]): Promise<Line[]> => {
    const ran = await sandbox.gitops(['audit', '--json', ...args])
    expect(ran.code, ran.said).toBe(0)
    return ran.stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Line)
  }
  expect(await ask()).toEqual([old, first, second, third])
  expect(await ask('--user', 'john')).toEqual([second])
  expect(await ask('--user', 'nobody')).toEqual([])
  expect(await ask('--since', '2001-02-03')).toEqual([old, first, second, third])
  expect(await ask('--since', '2001-02-05')).toEqual([first, second, third])
  expect(await ask('--since', '1h')).toEqual([first, second, third])
  expect(await ask('--since', '90d')).toEqual([first, second, third])
  expect(await ask('--type', 'healed')).toEqual([third])
  expect(await ask('--file', 'b.md')).toEqual([old, first, second])
  expect(await ask('--file', 'b.md', '--user', 'story', '--since', '1d')).toEqual([first])

  const said = await sandbox.gitops(['audit', '--user', 'john'])
  expect(said.stdout).toBe(
    `${String(second['timestamp'])} applied ${join(sandbox.home, '.claude/b.md')} (john, team ${commit.slice(0, 7)})\n`,
  )
  for (const [option, value] of [
    ['--since', 'yesterday'],
    ['--since', '2026-13-45'],
    ['--type', 'aplied'],
  ] as const) {
    const wrong = await sandbox.gitops(['audit', option, value])
    expect(wrong.code, wrong.said).toBe(2)
    expect(wrong.stderr).toContain(value)
    expect(wrong.stdout).toBe('')
  }
})

test('`--since` with a date alone begins at midnight here, not in Greenwich', async ({ sandbox }) => {
  configure(sandbox)
  const record = { change_type: 'applied', files: 'x', commit: '', user: 'story', paths: ['x'], source: 'team' }
  const times = ['2026-01-30T23:30:00+09:00', '2026-01-31T00:30:00+09:00']
  sandbox.write(sandbox.home, { [TRAIL]: times.map((timestamp) => `${JSON.stringify({ ...record, timestamp })}\n`).join('') })
  const ran = await sandbox.gitops(['audit', '--since', '2026-01-31'], { env: { TZ: 'Asia/Tokyo' } })
  expect(ran.stdout).toBe(`${times[1]} applied x (story, team)\n`)
})

test('a run with nothing to do leaves no line, and `audit` without a trail says nothing', async ({ sandbox }) => {
  configure(sandbox)
  const nothing = await sandbox.gitops(['audit'])
  expect([nothing.code, nothing.said]).toEqual([0, ''])
  await begun(sandbox)
  const before = sandbox.live(TRAIL)
  for (const args of [['reconcile'], ['reconcile', '--dry-run'], ['diff'], ['status']]) expect((await sandbox.gitops(args)).code).toBe(0)
  sandbox.commit({ 'elsewhere.md': 'not ours\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(sandbox.live(TRAIL)).toBe(before)
})

test('a refusal and a failure that stay the same leave one line, however often they are met', async ({ sandbox }) => {
  await begun(sandbox)
  configure(sandbox, `checks: { validate: [{ name: 'strict', run: 'exit 3' }] },`)
  sandbox.commit({ '.claude/b.md': 'bad\n' })
  for (let round = 0; round < 3; round += 1) expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(types(sandbox)).toEqual(['applied', 'refused'])

  // Another revision that is refused for the same reason is news.
  sandbox.commit({ '.claude/b.md': 'bad again\n' })
  for (let round = 0; round < 2; round += 1) expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  expect(types(sandbox)).toEqual(['applied', 'refused', 'refused'])

  renameSync(sandbox.remote, `${sandbox.remote}.away`)
  for (let round = 0; round < 3; round += 1) expect((await sandbox.gitops(['reconcile'])).code).toBe(1)
  expect(types(sandbox)).toEqual(['applied', 'refused', 'refused', 'failed'])
})

test('every kind of change has its line: healed, rolled back, taken back by hand, recovered after a kill, a notifier that failed', async ({
  sandbox,
}) => {
  await begun(sandbox)
  sandbox.write(sandbox.home, { '.claude/a.md': 'mine\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(lines(sandbox).at(-1)).toMatchObject({ change_type: 'healed', files: join(sandbox.home, '.claude/a.md'), outcome: 'applied' })

  configure(
    sandbox,
    `checks: { smoke: [{ name: 'good', run: '! grep -q bad ~/.claude/b.md' }] }, notify: [{ name: 'pager', run: 'exit 9' }],`,
  )
  const bad = sandbox.commit({ '.claude/b.md': 'bad\n' })
  const back = await sandbox.gitops(['reconcile'])
  expect(back.code, back.said).toBe(6)
  expect(lines(sandbox).slice(-2)).toMatchObject([
    { change_type: 'rolled-back', commit: bad, outcome: 'rolled-back', reason: 'SmokeFailed', files: join(sandbox.home, '.claude/b.md') },
    { change_type: 'notify-failed', source: 'team', message: expect.stringContaining('pager') as string },
  ])

  configure(sandbox)
  const good = sandbox.commit({ '.claude/b.md': 'good\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect((await sandbox.gitops(['rollback'])).code).toBe(0)
  expect(lines(sandbox).at(-1)).toMatchObject({ change_type: 'rollback', source: 'team', commit: good })

  const pid = '$(ps -o ppid= -p $$)'
  configure(sandbox, `checks: { smoke: [{ name: 'crash', run: 'kill -9 ${pid}' }] },`)
  const killed = sandbox.commit({ '.claude/b.md': 'killed\n' })
  expect((await sandbox.gitops(['reconcile'])).code).not.toBe(0)
  expect(sandbox.live('.claude/b.md')).toBe('killed\n')
  configure(sandbox)
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(lines(sandbox).slice(-2)).toMatchObject([
    { change_type: 'recovered', commit: killed, files: join(sandbox.home, '.claude/b.md') },
    { change_type: 'applied', commit: killed },
  ])
  expect(types(sandbox)).toEqual(['applied', 'healed', 'rolled-back', 'notify-failed', 'applied', 'rollback', 'recovered', 'applied'])
})

test('a line that a crash cut off is ended, so that the next record stands on a line of its own', async ({ sandbox }) => {
  await begun(sandbox)
  appendFileSync(join(sandbox.home, TRAIL), '{"timestamp":"2026-')
  sandbox.commit({ '.claude/b.md': 'changed\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const [first, cut, second, end] = sandbox.live(TRAIL).split('\n')
  expect([JSON.parse(first ?? ''), cut, JSON.parse(second ?? ''), end]).toMatchObject([
    { message: '2 created' },
    '{"timestamp":"2026-',
    { message: '1 updated' },
    '',
  ])
  // What is no record is passed over.
  expect((await sandbox.gitops(['audit'])).stdout.trimEnd().split('\n')).toHaveLength(2)
})

test('twelve processes that write at the same time never mix their lines', async ({ sandbox }) => {
  const path = join(sandbox.root, 'trail.log')
  const script = `
    const { appendAudit } = await import(${JSON.stringify(WRITER)})
    const paths = Array.from({ length: 300 }, (_, index) => '/home/story/.claude/' + process.argv[1] + '/' + index)
    for (let n = 0; n < 50; n += 1) appendAudit(${JSON.stringify(path)}, { timestamp: '', user: process.argv[1], generation: n, paths })`
  const writer = (_: unknown, index: number) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, String(index)], { env: sandbox.env })
  await Promise.all(Array.from({ length: 12 }, writer))

  const records = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { user: string; generation: number; paths: string[] })
  expect(records).toHaveLength(600)
  for (let index = 0; index < 12; index += 1) {
    const own = records.filter(({ user }) => user === String(index))
    expect(own.map(({ generation }) => generation)).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(own.every(({ paths }) => paths.length === 300 && paths.every((part) => part.includes(`/${index}/`)))).toBe(true)
  }
})

test('who asks for all changes gets what was changed, once: a refusal and a notifier that fails have no files', async ({ sandbox }) => {
  await begun(sandbox)
  configure(sandbox, `notify: [{ name: 'broken', run: 'exit 3' }],`)
  sandbox.write(sandbox.home, { '.claude/settings.json': '{"mine":1}' })
  const tip = sandbox.commit({ '.claude/settings.json': '{"ours":1}', '.claude/c.md': 'c\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
  const path = join(sandbox.home, '.claude/settings.json')
  expect(lines(sandbox).slice(1)).toMatchObject([
    { change_type: 'refused', commit: tip, files: '', paths: [path], outcome: 'refused', reason: 'Conflict' },
    {
      change_type: 'notify-failed',
      commit: tip,
      files: '',
      paths: [],
      outcome: 'failed',
      reason: null,
      message: expect.stringContaining('broken'),
    },
  ])
  const found = await sandbox.gitops(['audit', '--file', 'settings.json', '--json'])
  expect(
    found.stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as Line)['change_type']),
  ).toEqual(['refused'])
})

test('a revision that is refused for what is in it names the live paths that it would have written there', async ({ sandbox }) => {
  await begun(sandbox)
  const live = (name: string): string => join(sandbox.home, '.claude', name)
  for (const [name, file, reason] of [
    ['broken.json', '{"a":', 'ValidationFailed'],
    ['sub/out', { link: '../../../etc/passwd' }, 'Hostile'],
    ['big.bin', 'version https://git-lfs.github.com/spec/v1\n', 'Hostile'],
  ] as const) {
    sandbox.commit({ [`.claude/${name}`]: file })
    expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
    expect(lines(sandbox).at(-1)).toMatchObject({ change_type: 'refused', files: '', paths: [live(name)], reason })
    sandbox.commit({ [`.claude/${name}`]: null })
  }
})

test('a trail that cannot be written is told in one sentence, and what became of the run is known all the same', async ({ sandbox }) => {
  await begun(sandbox)
  for (const make of ['mkdir', 'mkfifo']) {
    rmSync(join(sandbox.home, TRAIL), { recursive: true })
    execFileSync(make, [join(sandbox.home, TRAIL)])
    const commit = sandbox.commit({ '.claude/a.md': make })
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(0)
    expect(ran.stderr.match(/the audit trail .* could not be written: /g), ran.said).toHaveLength(1)
    const { sources } = JSON.parse((await sandbox.gitops(['status', '--json'])).stdout) as { sources: { attempted: unknown }[] }
    expect(sources[0]?.attempted).toMatchObject({ commit, outcome: 'applied' })
    const back = await sandbox.gitops(['rollback'])
    expect(back.code, back.said).toBe(0)
    expect(back.stderr).toContain('could not be written')
    expect((await sandbox.gitops(['reconcile'])).code).toBe(5)
    expect((await sandbox.gitops(['audit'])).code).toBe(1)
  }
})

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { CLI, DEFAULT_CONFIG, test as base, type Sandbox } from '../support/sandbox.ts'

interface Watch {
  readonly child: ChildProcess
  readonly said: () => string
  /** Sends SIGTERM and resolves with the exit code. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
}

/** `gitops watch`, which is ended with the test. */
const test = base.extend<{ watch: (env?: NodeJS.ProcessEnv, args?: readonly string[]) => Watch }>({
  watch: async ({ sandbox }, use) => {
    const begun: ChildProcess[] = []
    await use((env = {}, args = []) => {
      const options = {
        cwd: sandbox.site,
        env: { ...sandbox.env, ...env },
        stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
      }
      const child = spawn(process.execPath, [CLI, 'watch', ...args], options)
      begun.push(child)
      let text = ''
      for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
      const ended = once(child, 'close')
      return {
        child,
        said: () => text,
        stop: async (signal = 'SIGTERM') => {
          child.kill(signal)
          return ((await ended) as [number | null])[0]
        },
      }
    })
    for (const child of begun) if (child.exitCode === null) child.kill('SIGKILL')
  },
})

async function until(what: string, holds: () => boolean, said: () => string = () => ''): Promise<void> {
  for (const end = Date.now() + 20_000; !holds(); await sleep(20)) if (Date.now() > end) throw new Error(`never: ${what}\n${said()}`)
}

const live = (sandbox: Sandbox, path: string): string | null => {
  const full = join(sandbox.home, path)
  return existsSync(full) ? readFileSync(full, 'utf8') : null
}
const count = (sandbox: Sandbox, path: string): number => (live(sandbox, path) ?? '').split('\n').length - 1
const configure = (sandbox: Sandbox, more: string): void => sandbox.config(DEFAULT_CONFIG(sandbox.remote, more))
/** A smoke check without a revision of its own runs in each tick that applies something. */
const HOUR = `schedule: { every: '1h' },`

test('it reconciles at once, then on every interval, and ends with exit code 0 when it is told to', async ({ sandbox, watch }) => {
  configure(sandbox, `schedule: { every: '200ms' },`)
  sandbox.commit({ '.claude/a.md': 'one\n' })
  const run = watch()
  await until('the first run', () => live(sandbox, '.claude/a.md') === 'one\n', run.said)
  sandbox.commit({ '.claude/a.md': 'two\n' })
  await until('a later run', () => live(sandbox, '.claude/a.md') === 'two\n', run.said)
  expect(await run.stop()).toBe(0)
  expect(run.said()).toMatch(/Applied: team[^]*Applied: team[^]*gitops: stopped\n$/)
  // Each run is dated.
  const stamp = /^— \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d —$/gm
  expect(run.said()).toMatch(/^— /)
  expect(run.said().match(stamp)?.length).toBe(run.said().match(/^(?:Applied|In sync): team/gm)?.length)
})

test('the first run does not wait for the interval, and SIGINT and SIGHUP stop it as well', async ({ sandbox, watch }) => {
  configure(sandbox, HOUR)
  sandbox.commit({ '.claude/a.md': 'one\n' })
  for (const signal of ['SIGINT', 'SIGHUP'] as const) {
    const run = watch({}, ['--json'])
    await until('a verdict', () => run.said().includes('"kind":"verdict"'), run.said)
    await sleep(300)
    expect(run.child.exitCode).toBe(null)
    expect(await run.stop(signal)).toBe(0)
    const lines = run.said().trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { kind: string }).kind).filter((kind) => kind === 'verdict')).toHaveLength(1)
    expect(JSON.parse(lines[0] ?? '')).toEqual({ kind: 'run', at: expect.stringMatching(/^\d{4}-.*Z$/) as string })
  }
})

test('GITOPS_CHECK_INTERVAL is a schedule, and overrides the one of the config', async ({ sandbox, watch }) => {
  for (const more of ['', HOUR]) {
    configure(sandbox, more)
    const first = sandbox.commit({ '.claude/a.md': `first${more}\n` })
    const run = watch({ GITOPS_CHECK_INTERVAL: '0.2' })
    await until('the first run', () => live(sandbox, '.claude/a.md') === `first${more}\n`, run.said)
    sandbox.commit({ '.claude/a.md': `after ${first}\n` })
    await until('the second run', () => live(sandbox, '.claude/a.md') === `after ${first}\n`, run.said)
    expect(await run.stop()).toBe(0)
  }
})

test('a cron expression is due by the clock of its time zone', async ({ sandbox, watch }) => {
  // The hour in Kolkata, half an hour off from everywhere whole: read in another zone, this is not due for half an hour.
  const due = new Date(Date.now() + 12_000)
  const kolkata = new Date(due.getTime() + 330 * 60_000)
  const cron = `${kolkata.getUTCSeconds()} ${kolkata.getUTCMinutes()} ${kolkata.getUTCHours()} * * *`
  configure(sandbox, `schedule: { cron: '${cron}', timeZone: 'Asia/Kolkata' },`)
  sandbox.commit({ '.claude/a.md': 'one\n' })
  const run = watch({ TZ: 'America/New_York' })
  await until('the first run', () => live(sandbox, '.claude/a.md') === 'one\n', run.said)
  expect(Date.now()).toBeLessThan(due.getTime() - 1000)
  sandbox.commit({ '.claude/a.md': 'two\n' })
  await until('the run that is due', () => live(sandbox, '.claude/a.md') === 'two\n', run.said)
  expect(Date.now()).toBeGreaterThanOrEqual(due.getTime() - 1000)
  expect(await run.stop()).toBe(0)
})

test('two runs never overlap, however long one takes', async ({ sandbox, watch }) => {
  const slow = 'echo begin >> ~/log; sleep 1; echo end >> ~/log; exit 1'
  configure(sandbox, `schedule: { every: '50ms' }, checks: { smoke: [{ name: 'slow', run: '${slow}' }] },`)
  sandbox.commit({ '.claude/a.md': 'one\n' })
  const run = watch()
  await until('three checks', () => count(sandbox, 'log') >= 6, run.said)
  expect(await run.stop()).toBe(0)
  const log = (live(sandbox, 'log') ?? '').trim().split('\n')
  expect(log.slice(0, 6)).toEqual(['begin', 'end', 'begin', 'end', 'begin', 'end'])
  expect(run.said()).not.toContain('Another')
})

test('each run is a process of its own: it sees a changed config, and outlives a broken one and a run that crashed', async ({
  sandbox,
  watch,
}) => {
  const every = `schedule: { every: '200ms' },`
  configure(sandbox, every)
  sandbox.commit({ '.claude/a.md': 'one\n', 'other/b.md': 'b\n' })
  const run = watch()
  await until('the first run', () => live(sandbox, '.claude/a.md') === 'one\n', run.said)

  sandbox.write(sandbox.site, { 'gitops.config.ts': 'export default {{{\n' })
  await until('a complaint about the config', () => run.said().includes('gitops.config.ts'), run.said)
  configure(sandbox, `${every} checks: { smoke: [{ name: 'crash', run: 'touch ~/crashed; kill -9 $(ps -o ppid= -p $$)' }] },`)
  sandbox.commit({ '.claude/a.md': 'two\n' })
  await until('a crash', () => live(sandbox, 'crashed') !== null, run.said)
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, every).replace(`'.claude', to`, `'other', to`))
  await until('the changed config', () => live(sandbox, '.claude/b.md') === 'b\n' && live(sandbox, '.claude/a.md') === null, run.said)
  expect(await run.stop()).toBe(0)
})

test('SIGTERM in the middle of a run undoes that run and leaves no process behind', async ({ sandbox, watch }) => {
  configure(sandbox, HOUR)
  sandbox.commit({ '.claude/a.md': 'old\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  configure(sandbox, `${HOUR} checks: { smoke: [{ name: 'long', run: 'echo $$ > ~/begun; sleep 611.25; touch ~/survived' }] },`)
  sandbox.commit({ '.claude/a.md': 'new\n' })
  const run = watch()
  await until('the check', () => live(sandbox, 'begun') !== null, run.said)
  expect(live(sandbox, '.claude/a.md')).toBe('new\n')

  expect(await run.stop()).toBe(0)
  expect(live(sandbox, '.claude/a.md')).toBe('old\n')
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
  expect(run.said()).toContain('interrupted by SIGTERM. What was there before is back')
  const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
  expect(processes).not.toContain('sleep 611.25')
  expect(processes.split('\n').filter((line) => line.includes(sandbox.site))).toEqual([])
})

test('without a schedule, or with one that is never due, it says so with exit code 2 and does nothing', async ({ sandbox }) => {
  sandbox.commit({ '.claude/a.md': 'one\n' })
  for (const [schedule, ...sentences] of [
    ['', 'has no schedule', 'GITOPS_CHECK_INTERVAL'],
    [`schedule: { cron: '0 0 31 2 *' },`, '0 0 31 2 *', 'is never due'],
    [`schedule: { cron: '61 * * * *' },`, '61 * * * *'],
    [`schedule: { cron: 'every day' },`, 'every day'],
    [`schedule: { cron: '0 9 * * *', timeZone: 'Europe/Nowhere' },`, 'Europe/Nowhere'],
    [`schedule: { every: '0s' },`, 'schedule.every'],
    [`schedule: { every: '1s', cron: '* * * * *' },`, 'schedule'],
  ] as const) {
    configure(sandbox, schedule)
    const ran = await sandbox.gitops(['watch'])
    expect(ran.code, schedule + ran.said).toBe(2)
    for (const sentence of sentences) expect(ran.stderr).toContain(sentence)
    expect(ran.stderr).not.toContain('bug')
    expect(ran.stderr.trim().split('\n').length, ran.stderr).toBeLessThanOrEqual(3)
    expect(live(sandbox, '.claude/a.md')).toBe(null)
  }
})

/** Why this machine cannot make a PID namespace, or null. */
function unable(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can make a PID namespace'
  try {
    execFileSync('sh', ['-c', 'unshare -pf --mount-proc true'], { stdio: 'ignore' })
    return null
  } catch {
    return 'this machine lets nobody make a PID namespace'
  }
}

/** The entry point, as the documentation prints it. */
function entryPoint(): string {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/schedule.md'), 'utf8')
  const [, script = ''] = /```sh\n(#!\/bin\/sh\n[^]*?)```/.exec(page) ?? []
  return script
}

for (const [signal, code] of [
  ['SIGTERM', 41],
  [null, 7],
] as const) {
  test(`the container entry point of the documentation is process 1: it reconciles, watches beside the main program, ${signal === null ? 'and ends with its exit code' : `and hands it ${signal}`}`, async ({
    sandbox,
    skip,
  }) => {
    const reason = unable()
    skip(reason !== null, reason ?? '')
    configure(sandbox, `schedule: { every: '200ms' },`)
    sandbox.commit({ '.claude/a.md': 'one\n' })
    const script = entryPoint()
    expect(script.trim().split('\n')).toHaveLength(5)
    writeFileSync(join(sandbox.site, 'entry'), script, { mode: 0o755 })
    sandbox.write(sandbox.site, {
      'bin/gitops': { text: `#!/bin/sh\nexec ${process.execPath} ${CLI} "$@"\n`, mode: 0o755 },
      main: {
        text: `#!/bin/sh\ntrap 'echo signalled >> ~/main; exit 41' TERM\necho "$$ $1 $(cat ~/.claude/a.md)" > ~/main\nwhile ! test -e ~/end; do sleep 0.1; done\nexit 7\n`,
        mode: 0o755,
      },
    })
    const child = spawn('sh', ['-c', 'exec unshare -pf --mount-proc --kill-child ./entry ./main argument'], {
      cwd: sandbox.site,
      env: { ...sandbox.env, PATH: `${join(sandbox.site, 'bin')}:${sandbox.env['PATH']}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
    const ended = once(child, 'close')
    try {
      // The main program is process 1 and finds everything in place.
      await until(
        'the main program',
        () => live(sandbox, 'main') !== null,
        () => said,
      )
      await until(
        'its line',
        () => live(sandbox, 'main') === '1 argument one\n',
        () => `${live(sandbox, 'main')} ${said}`,
      )
      sandbox.commit({ '.claude/a.md': 'two\n' })
      await until(
        'a later run',
        () => live(sandbox, '.claude/a.md') === 'two\n',
        () => said,
      )
      if (signal === null) writeFileSync(join(sandbox.home, 'end'), '')
      else {
        const inner = execFileSync('ps', ['-o', 'pid=', '--ppid', String(child.pid)], { encoding: 'utf8' }).trim()
        process.kill(Number(inner), signal)
      }
      expect(((await ended) as [number | null])[0], said).toBe(code)
    } finally {
      if (child.exitCode === null) child.kill('SIGKILL')
    }
    const processes = execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })
    expect(processes.split('\n').filter((line) => line.includes(sandbox.site))).toEqual([])
  })
}

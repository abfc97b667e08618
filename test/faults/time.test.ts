import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect } from 'vitest'
import { ROUNDS, tally } from '../support/fault-counts.ts'
import { CLI, DEFAULT_CONFIG, test as base, type Sandbox } from '../support/sandbox.ts'

const LIBRARY = [
  '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
].find((path) => existsSync(path))

/** What makes a command see another time: `+10y`, `-20y`, or what a file says while it runs. */
const at = (when: string): NodeJS.ProcessEnv => ({
  LD_PRELOAD: LIBRARY,
  ...(when.startsWith('/') ? { FAKETIME_TIMESTAMP_FILE: when, FAKETIME_NO_CACHE: '1' } : { FAKETIME: when }),
  FAKETIME_DONT_FAKE_MONOTONIC: '1',
  NO_FAKE_STAT: '1',
})

const test = base.extend<{ clock: typeof at }>({
  clock: async ({ skip }, use) => {
    skip(LIBRARY === undefined, 'libfaketime is not installed here')
    await use(at)
  },
})

const counts = tally('time')
afterAll(() => counts.tell())

const live = (sandbox: Sandbox): Record<string, string> => sandbox.tree(join(sandbox.home, '.claude'))
const quiet = (sandbox: Sandbox): void => {
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
}

test(
  'a clock that jumps by years between runs, forwards and backwards, changes nothing about what they do',
  { timeout: 120_000 },
  async ({ sandbox, clock }) => {
    sandbox.config()
    for (const [index, when] of (ROUNDS > 1 ? ['+0', '+10y', '-20y', '+50y', '-30y', '+0'] : ['+10y', '-20y']).entries()) {
      sandbox.commit({ '.claude/a.md': `${index}\n`, [`.claude/${index}.md`]: 'x\n' })
      const ran = await sandbox.gitops(['reconcile', '--wait', '30s'], { env: clock(when) })
      expect([when, ran.code, ran.said]).toEqual([when, 0, expect.stringContaining('Applied')])
      expect(live(sandbox)).toMatchObject({ 'a.md': `644 ${index}\n`, [`${index}.md`]: '644 x\n' })
      expect((await sandbox.gitops(['status'])).code).toBe(0)
      sandbox.write(sandbox.home, { [`.claude/${index}.md`]: 'drift\n' })
      expect((await sandbox.gitops(['reconcile'], { env: clock(when === '+0' ? '+1y' : '+0') })).code).toBe(0)
      expect(live(sandbox)).toMatchObject({ [`${index}.md`]: '644 x\n' })
      quiet(sandbox)
      counts.ended('new')
    }
  },
)

test(
  'a clock that jumps while a run is under way ends it in exactly the old or the new, and its lock is nobody else’s',
  { timeout: 120_000 },
  async ({ sandbox, clock }) => {
    const file = join(sandbox.root, 'clock')
    const all = [
      ['+10y', 'true'],
      ['-10y', 'false'],
      ['-10y', 'true'],
      ['+10y', 'false'],
    ] as const
    for (const [index, [jump, verdict]] of all.slice(0, ROUNDS > 1 ? 4 : 2).entries()) {
      sandbox.config()
      sandbox.commit({ '.claude/a.md': `old ${index}\n` })
      expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
      const before = live(sandbox)
      writeFileSync(file, '+0')
      const run = `echo ${jump} > ${file}; touch ~/inside; sleep 1; rm ~/inside; ${verdict}`
      sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'jumps', run: ${JSON.stringify(run)} }] },`))
      sandbox.commit({ '.claude/a.md': `new ${index}\n`, '.claude/b.md': 'b\n' })
      const child = spawn(process.execPath, [CLI, 'reconcile'], {
        cwd: sandbox.site,
        env: { ...sandbox.env, ...clock(file) },
        stdio: 'ignore',
      })
      const ended = once(child, 'exit')
      while (!existsSync(join(sandbox.home, 'inside')) && child.exitCode === null) await new Promise((done) => setTimeout(done, 5))
      const beside = await sandbox.gitops(['reconcile', '--wait', '0'])
      expect([beside.code, beside.said]).toEqual([1, expect.stringContaining('another gitops run is under way')])
      const [code] = (await ended) as [number]
      expect([jump, verdict, code]).toEqual([jump, verdict, verdict === 'true' ? 0 : 6])
      if (verdict === 'true') expect(live(sandbox)).toEqual({ 'a.md': `644 new ${index}\n`, 'b.md': '644 b\n' })
      else expect(live(sandbox)).toEqual(before)
      quiet(sandbox)
      counts.ended(verdict === 'true' ? 'new' : 'old')
    }
  },
)

test(
  'what a run killed ten years from now left is undone today, and the other way round',
  { timeout: 120_000 },
  async ({ sandbox, clock }) => {
    for (const [died, next] of [
      ['+10y', '+0'],
      ['+0', '+10y'],
      ['-10y', '+0'],
    ] as const) {
      sandbox.config()
      sandbox.commit({ '.claude/a.md': `old ${died}\n` })
      await sandbox.gitops(['reconcile'])
      const before = live(sandbox)
      sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'dies', run: 'kill -9 $PPID' }] },`))
      sandbox.commit({ '.claude/a.md': `new ${died}\n` })
      expect((await sandbox.gitops(['reconcile'], { env: clock(died) })).code).toBe(128)
      sandbox.config()
      sandbox.git(sandbox.work, 'reset', '--quiet', '--hard', 'HEAD~1')
      sandbox.git(sandbox.work, 'push', '--quiet', '--force', 'origin', 'HEAD')
      const ran = await sandbox.gitops(['reconcile', '--wait', '30s'], { env: clock(next) })
      expect([ran.code, ran.said]).toEqual([0, expect.stringContaining('half done and is undone')])
      expect(live(sandbox)).toEqual(before)
      quiet(sandbox)
      counts.ended('old')
    }
  },
)

test(
  'what rests because something keeps rewriting it is put back soon after the clock was set right',
  { timeout: 60_000 },
  async ({ sandbox, clock }) => {
    sandbox.config()
    sandbox.commit({ '.claude/a.md': 'ours\n' })
    await sandbox.gitops(['reconcile'], { env: clock('+10y') })
    for (let round = 0; round < 4; round++) {
      sandbox.write(sandbox.home, { '.claude/a.md': `theirs ${round}\n` })
      await sandbox.gitops(['reconcile'], { env: clock('+10y') })
    }
    expect(sandbox.live('.claude/a.md')).toBe('theirs 3\n')
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
    expect(sandbox.live('.claude/a.md')).toBe('ours\n')
    counts.ended('new')
  },
)

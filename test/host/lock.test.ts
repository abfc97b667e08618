import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { atMoment } from '../support/moment.ts'
import { CLI, DEFAULT_CONFIG, test, type Sandbox } from '../support/sandbox.ts'

const linux = process.platform === 'linux'

/** A lock file as a run of ours writes it. */
function fabricate(sandbox: Sandbox, owner: object | string, name = 'aaaaaaaaaaaaaaaa'): string {
  const path = join(sandbox.state, 'lock', name)
  mkdirSync(join(sandbox.state, 'lock'), { recursive: true, mode: 0o700 })
  writeFileSync(path, typeof owner === 'string' ? owner : JSON.stringify(owner))
  return path
}

/** This process as an owner. */
function me(change: object = {}): object {
  const read = (path: string): string => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '')
  const stat = read('/proc/self/stat')
  return {
    pid: process.pid,
    start: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '',
    boot: read('/proc/sys/kernel/random/boot_id'),
    namespace: '',
    host: hostname(),
    since: '2026-01-01T00:00:00.000Z',
    ...change,
  }
}

async function timed(sandbox: Sandbox): Promise<{ code: number; said: string; ms: number }> {
  const began = Date.now()
  const { code, said } = await sandbox.gitops(['reconcile'])
  return { code, said, ms: Date.now() - began }
}

test.concurrent('a second run waits ten seconds for the first and then says who holds the lock', async ({ sandbox }) => {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'long', run: 'touch ~/inside; sleep 12' }] },`))
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const first = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'inside'))) await sleep(10)

  const second = await timed(sandbox)
  expect(second.code).toBe(1)
  expect(second.said).toContain(`another gitops run is under way: process ${first.pid} on ${hostname()}, since `)
  expect(second.said).toMatch(/, gitops reconcile\b[^]*--wait/)
  expect(second.ms).toBeGreaterThan(9_500)
  await new Promise((done) => first.once('exit', done))
  expect(first.exitCode).toBe(0)
})

test.concurrent('a living process on this machine holds the lock however old its file is', async ({ sandbox, skip }) => {
  skip(!linux, 'process ids are told apart by /proc, which is Linux only')
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const path = fabricate(sandbox, me({ namespace: namespace() }))
  utimesSync(path, new Date(0), new Date(0))

  const ran = await timed(sandbox)
  expect(ran.code).toBe(1)
  expect(ran.said).toContain(`process ${process.pid} on`)
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
})

test.concurrent('an owner on another host is waited for until it was silent for ten seconds', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const path = fabricate(sandbox, me({ host: 'elsewhere', boot: 'another' }))

  const ran = await timed(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.ms).toBeGreaterThan(8_500)
  expect(existsSync(path)).toBe(false)
})

test.concurrent('an owner in another container is believed while it gives signs of life, and no longer', async ({ sandbox, skip }) => {
  skip(!linux, 'process ids are told apart by /proc, which is Linux only')
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const owner = me({ pid: 1, start: '1', namespace: 'pid:[1]' })
  const path = fabricate(sandbox, owner)
  // A process of its own: this one may be busy for longer than an owner may be silent.
  const signs = 'setInterval(() => require("fs").utimesSync(process.argv[1], new Date(), new Date()), 500)'
  const beat = spawn(process.execPath, ['-e', signs, path], { stdio: 'ignore' })
  const waited = await timed(sandbox)
  beat.kill('SIGKILL')
  await new Promise((done) => beat.once('exit', done))
  expect(waited.code).toBe(1)
  expect(waited.said).toContain('process 1 on')

  const silent = new Date(Date.now() - 11_000)
  utimesSync(path, silent, silent)
  expect((await timed(sandbox)).code).toBe(0)
})

test.concurrent('whoever holds the lock writes it anew when it is damaged', async ({ sandbox }) => {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'long', run: 'touch ~/inside; sleep 6' }] },`))
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const first = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'inside'))) await sleep(10)
  const lock = join(sandbox.state, 'lock')
  const [name = ''] = readdirSync(lock)
  writeFileSync(join(lock, name), 'damaged')
  await sleep(2_500)
  const second = await sandbox.gitops(['reconcile', '--wait', '0'])
  expect(second.said).toContain(`process ${first.pid} on`)
  await new Promise((done) => first.once('exit', done))
  expect(first.exitCode).toBe(0)
})

/** A run whose words are heard. */
function stoppable({ site, env }: Sandbox, command: string): ChildProcess {
  return spawn(process.execPath, [CLI, command], { cwd: site, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** As it looks to a run in another container: a second one takes over from a process that was stopped. Returns what the first then says. */
async function takenOver(sandbox: Sandbox, first: ChildProcess): Promise<{ code: number | null; said: string }> {
  let said = ''
  for (const stream of [first.stdout, first.stderr]) stream?.on('data', (data: Buffer) => (said += data.toString()))
  first.kill('SIGSTOP')
  const lock = join(sandbox.state, 'lock')
  const path = join(lock, readdirSync(lock).find((name) => !name.endsWith('.tmp')) ?? '')
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), host: 'elsewhere', boot: 'another' }))
  utimesSync(path, new Date(Date.now() - 11_000), new Date(Date.now() - 11_000))
  const second = await sandbox.gitops(['reconcile'])
  expect(second.code, second.said).toBe(0)
  expect(second.said).toMatch(/half done and is undone|was taken back/)
  const all = (): Set<string> =>
    new Set(
      [sandbox.state, join(sandbox.home, '.claude')].flatMap((root) => Object.entries(sandbox.tree(root)).map((entry) => entry.join(' '))),
    )
  const before = all()
  const ended = new Promise((done) => first.once('close', done))
  first.kill('SIGCONT')
  await ended
  // The one call that it was stopped in may still take effect; nothing comes after it.
  const after = all()
  const changed = [[...before].filter((entry) => !after.has(entry)), [...after].filter((entry) => !before.has(entry))]
  for (const entries of changed) expect(entries.length, entries.join('\n')).toBeLessThanOrEqual(1)
  return { code: first.exitCode, said }
}

const LOST = { code: 1, said: expect.stringContaining('another run has taken over') as string }

test.concurrent(
  'a run that was stopped while it wrote touches nothing once another has taken over',
  { timeout: 120_000 },
  async ({ sandbox }) => {
    const files = (text: string): Record<string, string> =>
      Object.fromEntries(Array.from({ length: 1200 }, (_, index) => [`.claude/f${index + 1000}`, text]))
    sandbox.config()
    sandbox.commit(files('old'))
    const first = stoppable(sandbox, 'reconcile')
    while (!existsSync(join(sandbox.home, '.claude/f1100'))) await sleep(1)
    expect(await takenOver(sandbox, first)).toEqual(LOST)
    expect(existsSync(join(sandbox.home, '.claude/f2199'))).toBe(true)

    sandbox.commit({ '.claude/new': 'new' })
    const back = stoppable(sandbox, 'rollback')
    while (existsSync(join(sandbox.home, '.claude/f2100'))) await sleep(1)
    expect(await takenOver(sandbox, back)).toMatchObject(LOST)
  },
)

test.concurrent('a run that was stopped in a check neither commits nor takes back once another has taken over', async ({ sandbox }) => {
  for (const end of ['true', 'false']) {
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'long', run: 'touch ~/inside; sleep 2; ${end}' }] },`))
    sandbox.commit({ '.claude/a.md': end, [`.claude/${end}`]: '' })
    const first = stoppable(sandbox, 'reconcile')
    while (!existsSync(join(sandbox.home, 'inside'))) await sleep(10)
    sandbox.config()
    expect(await takenOver(sandbox, first)).toEqual(LOST)
    expect(sandbox.live('.claude/a.md')).toBe(end)
    expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
    rmSync(join(sandbox.home, 'inside'))
  }
})

/** What a shell says so that another run takes over from the one at hand, as from a container that has fallen silent. */
const takingOver = ({ site, state }: Sandbox): string =>
  `cd ${site} && sed -i 's/"host":"[^"]*"/"host":"elsewhere"/; s/"boot":"[^"]*"/"boot":"another"/' ${state}/lock/* &&
  touch -d '11 seconds ago' ${state}/lock/* && env -u NODE_OPTIONS ${process.execPath} ${CLI} reconcile`

test.concurrent('a run that was stopped while it wrote down what is live does not replace what another has written down since', async ({
  sandbox,
}) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a' })
  const inventory = join(sandbox.state, 'inventory.json')
  const meanwhile = `${takingOver(sandbox)} && cp ${inventory} ${sandbox.root}/second`
  expect(await atMoment(sandbox, ['reconcile'], { call: 'openSync', at: '/inventory.json.tmp', meanwhile })).toMatchObject(LOST)
  expect(readFileSync(inventory, 'utf8')).toBe(readFileSync(join(sandbox.root, 'second'), 'utf8'))
  expect(sandbox.live('.claude/a.md')).toBe('a')
  expect((await sandbox.gitops(['reconcile'])).said).toContain('In sync')
})

test.concurrent('a run that was stopped before it asked its source does not ask it once another has taken over', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const push = `cd ${sandbox.work} && git commit -q --allow-empty -m new && git push -q origin HEAD`
  const meanwhile = `${takingOver(sandbox)} && ${push}`
  expect(await atMoment(sandbox, ['reconcile'], { call: 'openSync', at: '/status.json', meanwhile })).toMatchObject(LOST)
  const [clone = ''] = readdirSync(join(sandbox.state, 'sources'))
  const commit = sandbox.git(sandbox.work, 'rev-parse', 'HEAD')
  expect(() => sandbox.git(join(sandbox.state, 'sources', clone), 'cat-file', '-e', commit)).toThrow(commit)
})

test.concurrent('a run waits as long as --wait says, and has its turn', async ({ sandbox }) => {
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'long', run: 'touch ~/inside; sleep 3' }] },`))
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const first = sandbox.start(['reconcile'])
  while (!existsSync(join(sandbox.home, 'inside'))) await sleep(10)
  const impatient = await sandbox.gitops(['reconcile', '--wait', '500ms'])
  expect([impatient.code, impatient.said]).toEqual([1, expect.stringContaining(`process ${first.pid} on`)])
  const patient = await sandbox.gitops(['reconcile', '--wait', '5m'])
  expect([patient.code, patient.said]).toEqual([0, expect.stringContaining('In sync')])
  expect((await sandbox.gitops(['status', '--json'])).stdout).not.toContain('"Held"')
})

test.concurrent(
  'two containers on one volume are never inside together, and a container that was killed is waited for no longer than ten seconds',
  { timeout: 60_000 },
  async ({ sandbox, skip }) => {
    try {
      execFileSync('unshare', ['-pf', '--mount-proc', 'true'], { stdio: 'ignore' })
    } catch {
      skip('this machine lets nobody make process namespaces')
    }
    sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'long', run: 'touch ~/inside; sleep 30' }] },`))
    sandbox.commit({ '.claude/a.md': 'a\n' })
    const container = spawn('unshare', ['-pf', '--mount-proc', '--kill-child', process.execPath, CLI, 'reconcile'], {
      cwd: sandbox.site,
      env: sandbox.env,
      stdio: 'ignore',
    })
    while (!existsSync(join(sandbox.home, 'inside'))) await sleep(10)
    await sleep(2_500)
    const beside = await sandbox.gitops(['reconcile', '--wait', '0'])
    expect([beside.code, beside.said]).toEqual([1, expect.stringMatching(/another gitops run is under way: process \d+ on /)])
    container.kill('SIGKILL')
    await new Promise((done) => container.once('exit', done))
    sandbox.config()
    const next = await timed(sandbox)
    expect(next.said).toContain('half done and is undone')
    expect(next.code, next.said).toBe(0)
    expect(next.ms).toBeLessThan(15_000)
  },
)

test('two runs at once, 20 times over, both end well and are never inside together', { timeout: 120_000 }, async ({ sandbox }) => {
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'inside', run: 'echo begin >> ~/log; sleep 0.02; echo end >> ~/log' }] },`),
  )
  sandbox.commit({ '.claude/a.md': '0\n', '.claude/b.md': '0\n' })
  await sandbox.gitops(['reconcile'])
  for (let round = 1; round <= 20; round++) {
    // Both find drift, so that whichever comes first has something to check.
    sandbox.write(sandbox.home, { '.claude/a.md': `drift ${round}\n` })
    const both = await Promise.all([sandbox.gitops(['reconcile']), sandbox.gitops(['reconcile'])])
    for (const ran of both) expect(ran.code, ran.said).toBe(0)
    expect(sandbox.live('.claude/a.md')).toBe('0\n')
  }
  const log = sandbox.live('log').trim().split('\n')
  expect(log.length).toBeGreaterThanOrEqual(42)
  expect(log.filter((line, index) => line !== (index % 2 === 0 ? 'begin' : 'end'))).toEqual([])
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
})

test('the lock of a process that is gone is taken over at once', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const child = spawn(process.execPath, ['-e', '0'])
  await new Promise((done) => child.once('exit', done))
  const path = fabricate(sandbox, me({ pid: child.pid, start: '1', namespace: namespace() }))

  const ran = await timed(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.ms).toBeLessThan(5_000)
  expect(existsSync(path)).toBe(false)
})

test('a process that got the number of a dead one does not hold its lock', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const path = fabricate(sandbox, me({ start: '1', namespace: namespace() }))

  const ran = await timed(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.ms).toBeLessThan(5_000)
  expect(existsSync(path)).toBe(false)
})

test('a lock of this machine from before its last start is taken over at once', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  fabricate(sandbox, me({ boot: 'another', namespace: namespace() }))
  const ran = await timed(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.ms).toBeLessThan(5_000)
})

test('a lock file that nobody can read holds nothing up once it is old, whatever it is', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const age = (path: string): void => utimesSync(path, new Date(0), new Date(0))
  const lock = join(sandbox.state, 'lock')
  for (const [index, garbage] of ['', 'not json', 'null', '{"pid":', '{}', '[1]', '\u0000'.repeat(99)].entries())
    age(fabricate(sandbox, garbage, `garbage${index}`))
  mkdirSync(join(lock, 'directory/x'), { recursive: true })
  execFileSync('mkfifo', [join(lock, 'pipe')])
  symlinkSync('/etc/passwd', join(lock, 'link'))
  truncateSync(fabricate(sandbox, '', 'huge'), 6e9)
  for (const name of ['directory', 'pipe', 'huge']) age(join(lock, name))
  execFileSync('touch', ['-h', '-d', '@0', join(lock, 'link')])
  const ran = await timed(sandbox)
  expect(ran.code, ran.said).toBe(0)
  expect(ran.ms).toBeLessThan(8_000)
  expect(readdirSync(lock)).toEqual([])
})

test('a young lock file that nobody can read may be that of a run under way, and --wait 0 waits for nobody', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const path = fabricate(sandbox, '{"pid":')
  for (const command of ['reconcile', 'retry', 'rollback', 'diff']) {
    // It stays young.
    utimesSync(path, new Date(), new Date())
    const { code, said } = await sandbox.gitops([command, '--wait', '0'])
    expect([command, code, said]).toEqual([
      command,
      1,
      expect.stringContaining('another gitops run is under way: its lock file cannot be read'),
    ])
  }
  expect(await sandbox.gitops(['reconcile', '--wait', 'soon'])).toMatchObject({
    code: 2,
    said: expect.stringContaining('"soon" is not a duration') as string,
  })
  expect(existsSync(join(sandbox.home, '.claude'))).toBe(false)
})

test('asking for the status of a killed run changes nothing and takes no lock', async ({ sandbox }) => {
  sandbox.config()
  sandbox.commit({ '.claude/a.md': 'a\n' })
  await sandbox.gitops(['reconcile'])
  const path = fabricate(sandbox, me({ start: '1', namespace: namespace() }))
  const before = sandbox.tree(sandbox.state)
  expect((await sandbox.gitops(['status'])).code).toBe(0)
  expect(sandbox.tree(sandbox.state)).toEqual(before)
  expect(existsSync(path)).toBe(true)
})

function namespace(): string {
  return linux ? readlinkSync('/proc/self/ns/pid') : ''
}

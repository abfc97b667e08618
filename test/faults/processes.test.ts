import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { ROUNDS, tally } from '../support/fault-counts.ts'
import { CLI, DEFAULT_CONFIG, sandboxIn, test, type Sandbox } from '../support/sandbox.ts'

const counts = tally('processes')
afterAll(() => counts.tell())

const live = (sandbox: Sandbox): Record<string, string> => sandbox.tree(join(sandbox.home, '.claude'))

const smoke = (sandbox: Sandbox, run: string, more = ''): void =>
  sandbox.config(DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'it', run: ${JSON.stringify(run)}, ${more} }] },`))

function expectQuiet(sandbox: Sandbox): void {
  expect(existsSync(join(sandbox.state, 'journal.json'))).toBe(false)
  expect(readdirSync(join(sandbox.state, 'lock'))).toEqual([])
  expect(Object.keys(sandbox.tree(sandbox.home)).filter((path) => /\.gitops-|\.damaged/.test(path))).toEqual([])
}

/** An old revision is live and a new one is there; returns both trees. */
async function two(sandbox: Sandbox, index: number): Promise<{ before: Record<string, string>; wanted: Record<string, string> }> {
  sandbox.commit({ '.claude/a.md': `old ${index}\n`, '.claude/goes.md': 'x\n' })
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  const before = live(sandbox)
  sandbox.commit({ '.claude/goes.md': null as never, '.claude/a.md': `new ${index}\n`, '.claude/b/c.md': `c ${index}\n` })
  return { before, wanted: { 'a.md': `644 new ${index}\n`, 'b/': 'directory', 'b/c.md': `644 c ${index}\n` } }
}

/** Pushes a revision that makes, changes and removes a file; what is live is the one before it. */
function next(sandbox: Sandbox, index: number): { before: Record<string, string>; wanted: Record<string, string> } {
  const before = live(sandbox)
  const [comes, goes] = index % 2 === 0 ? ['b', 'c'] : ['c', 'b']
  const a = `new ${index}\n`
  sandbox.commit({ [`.claude/${goes}`]: null as never, '.claude/a.md': a, [`.claude/${comes}/c.md`]: `c ${index}\n` })
  return { before, wanted: { 'a.md': `644 ${a}`, [`${comes}/`]: 'directory', [`${comes}/c.md`]: `644 c ${index}\n` } }
}

/** Runs a reconcile and sends it a signal when it has said so many lines; resolves with its exit code, and the lines. */
async function signalled(sandbox: Sandbox, signal: NodeJS.Signals, line: number): Promise<{ code: number | null; lines: number }> {
  const child = spawn(process.execPath, [CLI, 'reconcile', '--json'], {
    cwd: sandbox.site,
    env: sandbox.env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let lines = 0
  child.stdout.on('data', (chunk: Buffer) => {
    const before = lines
    lines += chunk.toString().split('\n').length - 1
    if (before < line && lines >= line) child.kill(signal)
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, lines }
}

test(
  'SIGINT and SIGTERM at each step of a reconcile end in exactly the old or the new, and the next run in the new',
  { timeout: 600_000 },
  async ({ sandbox }) => {
    let index = 0
    const first = await two(sandbox, index)
    const { lines, code } = await signalled(sandbox, 'SIGTERM', Infinity)
    expect([code, live(sandbox)]).toEqual([0, first.wanted])
    expect(lines).toBeGreaterThan(5)
    smoke(sandbox, 'sleep 0.1')
    for (let line = 1; line < lines; line++)
      for (const signal of ROUNDS > 1 ? (['SIGINT', 'SIGTERM'] as const) : [line % 2 === 0 ? ('SIGINT' as const) : ('SIGTERM' as const)]) {
        index += 1
        const { before, wanted } = next(sandbox, index)
        const ended = await signalled(sandbox, signal, line)
        const now = live(sandbox)
        const how = JSON.stringify(now) === JSON.stringify(wanted) ? 'new' : 'old'
        expect([line, signal, now]).toEqual([line, signal, how === 'new' ? wanted : before])
        expect([0, signal === 'SIGINT' ? 130 : 143]).toContain(ended.code)
        expectQuiet(sandbox)
        counts.ended(how)
        const after = await sandbox.gitops(['reconcile'])
        expect([line, after.code, live(sandbox)]).toEqual([line, 0, wanted])
      }
  },
)

test('many runs at once all end well, each after the other', { timeout: 600_000 }, async ({ sandbox }) => {
  sandbox.config(
    DEFAULT_CONFIG(sandbox.remote, `checks: { smoke: [{ name: 'inside', run: 'echo begin >> ~/log; sleep 0.02; echo end >> ~/log' }] },`),
  )
  sandbox.commit({ '.claude/a.md': 'a\n' })
  const all = await Promise.all(Array.from({ length: ROUNDS > 1 ? 50 : 6 }, () => sandbox.gitops(['reconcile', '--wait', '5m'])))
  for (const ran of all) expect(ran.code, ran.said).toBe(0)
  expect(all.filter(({ said }) => said.includes('Applied'))).toHaveLength(1)
  expect(sandbox.live('log')).toBe('begin\nend\n')
  expectQuiet(sandbox)
  counts.ended('new')
  for (let round = 0; round < (ROUNDS > 1 ? 50 : 3); round++) {
    sandbox.commit({ '.claude/a.md': `${round}\n` })
    const both = await Promise.all([sandbox.gitops(['reconcile', '--wait', '5m']), sandbox.gitops(['reconcile', '--wait', '5m'])])
    for (const ran of both) expect(ran.code, ran.said).toBe(0)
    expect(live(sandbox)).toEqual({ 'a.md': `644 ${round}\n` })
    counts.ended('new')
  }
  expectQuiet(sandbox)
})

describe('in one home', () => {
  let sandbox: Sandbox
  let index = 0
  beforeAll(async () => {
    sandbox = sandboxIn(mkdtempSync(join(tmpdir(), 'gitops-test-')))
    await two(sandbox, index)
    expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  })
  afterAll(() => rmSync(sandbox.root, { recursive: true, force: true }))

  test.for([
    ['hangs', 'sleep 600', "timeout: '1s'", 6, 'did not end within 1.0s'],
    ['hangs and ignores every signal it can', "trap '' TERM INT HUP; sleep 600", "timeout: '1s'", 6, 'did not end within 1.0s'],
    ['prints without end', 'exec yes', "timeout: '60s'", 6, 'printed more than 64 MB'],
    ['prints without end on standard error', 'exec yes >&2', "timeout: '60s'", 6, 'printed more than 64 MB'],
    [
      'wants more memory than there is',
      'ulimit -v 100000; head -c 300000000 /dev/zero | tail -c 299999999 >/dev/null',
      "timeout: '60s'",
      6,
      'failed',
    ],
    ['kills itself', 'kill -9 $$', "timeout: '60s'", 6, 'SIGKILL'],
    ['leaves a child behind that holds on to its output, and fails', 'sleep 600 & exit 3', "timeout: '2s'", 6, ''],
  ] as const)('a check that %s takes the new back, and nothing of it lives on', { timeout: 60_000 }, async ([, run, more, code, words]) => {
    const before = live(sandbox)
    sandbox.commit({ '.claude/a.md': `hurts ${index++}\n`, '.claude/b/new.md': 'new\n' })
    smoke(sandbox, `grep -q hurts ~/.claude/a.md || exit 0; ${run}`, more)
    const began = Date.now()
    const ran = await sandbox.gitops(['reconcile'])
    expect([ran.code, ran.said]).toEqual([code, expect.stringContaining(words)])
    expect(Date.now() - began).toBeLessThan(30_000)
    expect(live(sandbox)).toEqual(before)
    expectQuiet(sandbox)
    await sleep(100)
    expect(living(sandbox)).toEqual([])
    counts.ended('old')
  })

  test.for([
    ['standard input', '<&-'],
    ['standard output', '>&-'],
    ['standard error', '2>&-'],
    ['all three', '<&- >&- 2>&-'],
    ['a reader of the output that leaves at once', '| true'],
    ['a full disk for the output', '>/dev/full'],
  ] as const)('without %s a reconcile does its work all the same', { timeout: 30_000 }, async ([, redirection]) => {
    sandbox.config()
    sandbox.commit({ '.claude/b': null as never, '.claude/a.md': `said ${index}\n`, [`.claude/${index}.md`]: 'x\n' })
    const wanted = { ...live(sandbox), 'a.md': `644 said ${index}\n`, [`${index++}.md`]: '644 x\n' }
    delete wanted['b/']
    delete wanted['b/c.md']
    try {
      execFileSync('sh', ['-c', `"${process.execPath}" "${CLI}" reconcile ${redirection}`], {
        cwd: sandbox.site,
        env: sandbox.env,
        stdio: 'ignore',
      })
    } catch {
      // What it could not tell may cost its exit code, never the work.
    }
    // One that reads nothing of us may be gone before we are done.
    for (let waited = 0; waited < 100 && readdirSync(join(sandbox.state, 'lock')).length > 0; waited++) await sleep(50)
    expect(live(sandbox)).toEqual(wanted)
    expectQuiet(sandbox)
    counts.ended('new')
  })
})

test(
  'a check that starts a daemon of its own ends when it ends, and the daemon is nobody’s business',
  { timeout: 60_000 },
  async ({ sandbox }) => {
    const { wanted } = await two(sandbox, 0)
    smoke(sandbox, 'setsid sleep 20 >/dev/null 2>&1 </dev/null & true', "timeout: '15s'")
    const began = Date.now()
    const ran = await sandbox.gitops(['reconcile'])
    expect(ran.code, ran.said).toBe(0)
    expect(Date.now() - began).toBeLessThan(12_000)
    expect(live(sandbox)).toEqual(wanted)
    expectQuiet(sandbox)
    counts.ended('new')
  },
)

test('a smoke check that writes into the target loses nothing of ours and nothing of its own', { timeout: 60_000 }, async ({ sandbox }) => {
  const { before, wanted } = await two(sandbox, 0)
  smoke(sandbox, 'echo cache > ~/.claude/cache; echo spoilt > ~/.claude/a.md; rm ~/.claude/b/c.md')
  const spoilt = await sandbox.gitops(['reconcile'])
  expect([0, 6]).toContain(spoilt.code)
  sandbox.config()
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  expect(live(sandbox)).toEqual({ ...wanted, cache: '644 cache\n' })
  counts.ended('new')

  // And one that fails afterwards: what it wrote is its own, all else is as before.
  sandbox.git(sandbox.work, 'reset', '--quiet', '--hard', 'HEAD~1')
  sandbox.commit({ '.claude/z.md': 'z\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(0)
  smoke(sandbox, 'test -e ~/.claude/y.md || exit 0; echo more >> ~/.claude/cache; false')
  sandbox.commit({ '.claude/y.md': 'y\n', '.claude/a.md': 'newer\n' })
  expect((await sandbox.gitops(['reconcile'])).code).toBe(6)
  expect(live(sandbox)).toEqual({ ...before, 'z.md': '644 z\n', cache: '644 cache\nmore\n' })
  expectQuiet(sandbox)
  counts.ended('old')
})

/** Commands that still run in the sandbox's home. */
function living(sandbox: Sandbox): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
        return environment.includes(`HOME=${sandbox.home}\0`) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8')] : []
      } catch {
        return []
      }
    })
}

import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { ROUNDS } from '../support/fault-counts.ts'
import { random } from '../support/random.ts'
import { DEFAULT_CONFIG, test as base, type Files, type Ran, type Sandbox } from '../support/sandbox.ts'

/** One home of its own; two of them go through the same story at the same time. */
interface Lane {
  readonly home: string
  readonly snapshot: string
  readonly runtime: string
  readonly env: NodeJS.ProcessEnv
}

/** Homes in memory where the system offers that: a killed process leaves there what it leaves anywhere, and hundreds of runs take seconds. */
const test = base.extend<{ lanes: Lane[] }>({
  // oxlint-disable-next-line no-empty-pattern -- vitest reads the parameter's shape
  lanes: async ({}, use) => {
    const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gitops-test-'))
    const lanes = [0, 1].map((n): Lane => {
      const [home, snapshot, runtime] = ['home', 'snapshot', 'runtime'].map((name) => join(root, `${name}-${n}`)) as [
        string,
        string,
        string,
      ]
      for (const directory of [home, runtime]) mkdirSync(directory, { mode: 0o700 })
      return { home, snapshot, runtime, env: { HOME: home, XDG_RUNTIME_DIR: runtime } }
    })
    try {
      await use(lanes)
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  },
})

/** What stands in the target before us and belongs to an application, or to a person. */
const THEIRS: Files = {
  '.claude/projects/a/session.jsonl': '{"turn":1}\n',
  '.claude/history.jsonl': 'typed\n',
  '.claude/.credentials.json': { text: '{"token":1}', mode: 0o600 },
  '.claude/agents/mine.md': 'my own agent\n',
  '.claude/notes/1.md': 'a note that a person wrote\n',
  '.claude/notes/2.md': { text: 'another one\n', mode: 0o600 },
  '.bashrc': 'export A=1\n',
}

const numbered = (count: number, name: (index: number) => string, text: (index: number) => string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`.claude/${name(index)}`, text(index)]))

const OLD: Files = {
  ...numbered(
    100,
    (n) => `agents/a${n % 7}/${n}.md`,
    (n) => `old ${n}\n`.repeat(20),
  ),
  ...numbered(
    60,
    (n) => `going/${n % 5}/${n}.md`,
    (n) => `goes ${n}\n`,
  ),
  '.claude/settings.json': '{"good":true}\n',
  '.claude/hook.sh': { text: '#!/bin/sh\n', mode: 0o755 },
  '.claude/file-then-directory': 'a file\n',
  '.claude/directory-then-file/deep/one.md': 'one\n',
  '.claude/directory-then-file/two.md': 'two\n',
  '.claude/link': { link: 'settings.json' },
}

/** Takes the work tree from the old content to the new: creates, changes, deletes, changes types, replaces what was there. */
function commitNew(sandbox: Sandbox): string {
  sandbox.commit({ '.claude/going': null, '.claude/file-then-directory': null, '.claude/directory-then-file': null, '.claude/link': null })
  return sandbox.commit({
    ...numbered(
      60,
      (n) => `agents/a${n % 7}/${n}.md`,
      (n) => `new ${n}\n`.repeat(30),
    ),
    ...numbered(
      80,
      (n) => `commands/${n % 9}/${n}.md`,
      (n) => `made ${n}\n`,
    ),
    '.claude/settings.json': '{"better":true}\n',
    '.claude/hook.sh': { text: '#!/bin/sh\n', mode: 0o644 },
    '.claude/file-then-directory/a/b.md': 'b\n',
    '.claude/file-then-directory/c.md': 'c\n',
    '.claude/directory-then-file': 'now a file\n',
    '.claude/link': 'now a file\n',
    '.claude/notes/1.md': 'our note\n',
    '.claude/notes/2.md': 'our other note\n',
  })
}

/** A home's files without our state. */
function homeOf(sandbox: Sandbox, lane: Lane): Record<string, string> {
  return Object.fromEntries(Object.entries(sandbox.tree(lane.home)).filter(([path]) => !path.startsWith('.local/')))
}

/** Whatever a killed run could leave behind. */
function leftovers(sandbox: Sandbox, lane: Lane): string[] {
  const temporary = Object.keys(sandbox.tree(lane.home)).filter((path) =>
    // What a run left that was killed while it asked for the lock is removed when it is ten seconds old.
    /\.gitops-|(?<!\/lock\/[^/]+)\.tmp$|\.damaged|\/journal\.json$|\/lock\/[^/]+(?<!\.tmp)$/.test(path),
  )
  return [...temporary, ...readdirSync(lane.runtime)]
}

const stateOf = (lane: Lane): string => join(lane.home, '.local/state/gitops/story')
const journalOf = (lane: Lane): string => join(stateOf(lane), 'journal.json')
const run = (sandbox: Sandbox, lane: Lane, ...args: string[]): Promise<Ran> => sandbox.gitops(args, { env: lane.env })

interface Trees {
  readonly old: Record<string, string>
  readonly wanted: Record<string, string>
}

/** Two homes in which the old content is live, kept as snapshots; the new content is pushed. Returns both trees. */
async function prepare(sandbox: Sandbox, lanes: readonly Lane[], smoke: string): Promise<Trees> {
  sandbox.config(
    DEFAULT_CONFIG(
      sandbox.remote,
      `checks: { validate: [{ name: 'candidate', run: 'test -f claude/settings.json' }], smoke: [{ name: 'alive', run: ${JSON.stringify(smoke)} }] },`,
    ),
  )
  sandbox.commit(OLD)
  for (const lane of lanes) {
    sandbox.write(lane.home, THEIRS)
    expect((await run(sandbox, lane, 'reconcile')).said).toContain('Applied')
  }
  const old = homeOf(sandbox, lanes[0] as Lane)
  commitNew(sandbox)
  for (const lane of lanes) execFileSync('cp', ['-a', lane.home, lane.snapshot])
  const [lane] = lanes as [Lane]
  await run(sandbox, lane, 'reconcile')
  return { old, wanted: homeOf(sandbox, lane) }
}

function restore(lane: Lane, snapshot = lane.snapshot): void {
  rmSync(lane.home, { recursive: true })
  execFileSync('cp', ['-a', snapshot, lane.home])
}

/** How long a command takes, and how long its journal is open, in milliseconds. */
async function measure(sandbox: Sandbox, lane: Lane, ...args: string[]): Promise<{ total: number; open: number }> {
  const began = performance.now()
  const child = sandbox.start(args, { env: lane.env })
  const ended = once(child, 'exit')
  let first = 0
  let last = 0
  const watch = setInterval(() => {
    if (existsSync(journalOf(lane))) [first, last] = [first === 0 ? performance.now() : first, performance.now()]
  }, 1)
  await ended
  clearInterval(watch)
  return { total: performance.now() - began, open: last - first }
}

/** Starts a command and kills it after `delay` ms, counted from its start or from the moment its journal is there. Returns whether a journal was left. */
async function killed(sandbox: Sandbox, lane: Lane, delay: number, from: 'start' | 'journal', ...args: string[]): Promise<boolean> {
  const child = sandbox.start(args, { env: lane.env })
  const ended = once(child, 'exit')
  const reached = (): boolean => from === 'start' || existsSync(journalOf(lane)) || child.exitCode !== null
  while (!reached()) await sleep(1)
  await Promise.race([sleep(delay), ended])
  child.kill('SIGKILL')
  await ended
  return existsSync(journalOf(lane))
}

/** How many instants a test draws of `whole`: a quarter in `npm test`, for the matrix kills at chosen system calls there too; all of them, and more, in `npm run test:faults`. */
const instants = (whole: number): number => (ROUNDS > 1 ? whole * ROUNDS : Math.ceil(whole / 4))

/** Runs `count` rounds on the two lanes. */
async function rounds(lanes: readonly Lane[], count: number, round: (lane: Lane, index: number) => Promise<void>): Promise<void> {
  let next = 0
  await Promise.all(
    lanes.map(async (lane) => {
      for (let index = next++; index < count; index = next++) await round(lane, index)
    }),
  )
}

const finished = { timeout: 200_000 * ROUNDS }

test(
  'a reconcile that is killed at random instants is finished by the next one, with nothing left over',
  finished,
  async ({ sandbox, lanes }) => {
    const { wanted } = await prepare(sandbox, lanes, 'true')
    const chance = random('kill a reconcile')
    restore(lanes[0] as Lane)
    const { total, open } = await measure(sandbox, lanes[0] as Lane, 'reconcile')
    let journals = 0
    const count = instants(100)
    await rounds(lanes, count, async (lane, index) => {
      restore(lane)
      const inApply = index % 4 !== 0
      if (await killed(sandbox, lane, chance() * (inApply ? open : total), inApply ? 'journal' : 'start', 'reconcile')) journals++
      const next = await run(sandbox, lane, 'reconcile')
      expect(next.code, `round ${index}: ${next.said}`).toBe(0)
      expect(homeOf(sandbox, lane), `round ${index}: ${next.said}`).toEqual(wanted)
      expect(leftovers(sandbox, lane), `round ${index}`).toEqual([])
      expect(next.said, `round ${index}`).not.toContain('left alone')
    })
    console.log(
      `a run takes ${total.toFixed(0)} ms, its journal is open for ${open.toFixed(0)} ms; ${journals} of ${count} were killed in it`,
    )
    expect(journals).toBeGreaterThan(count * 0.1)
  },
)

test('a reconcile that is killed while it applies a bad revision ends in exactly the old tree', finished, async ({ sandbox, lanes }) => {
  const { old } = await prepare(sandbox, lanes, '! grep -q better ~/.claude/settings.json')
  const chance = random('kill a bad revision')
  restore(lanes[0] as Lane)
  const { open } = await measure(sandbox, lanes[0] as Lane, 'reconcile')
  let journals = 0
  await rounds(lanes, instants(24), async (lane, index) => {
    restore(lane)
    if (await killed(sandbox, lane, chance() * open, 'journal', 'reconcile')) journals++
    const next = await run(sandbox, lane, 'reconcile')
    // A run that was killed after it had taken everything back has held the revision already.
    expect([5, 6], `round ${index}: ${next.said}`).toContain(next.code)
    expect(homeOf(sandbox, lane), `round ${index}: ${next.said}`).toEqual(old)
    expect(leftovers(sandbox, lane), `round ${index}`).toEqual([])
  })
  expect(journals).toBeGreaterThan(0)
})

test('a rollback that is killed is finished by the next reconcile, or has not begun', finished, async ({ sandbox, lanes }) => {
  const { old, wanted } = await prepare(sandbox, lanes, 'true')
  for (const lane of lanes) {
    restore(lane)
    expect((await run(sandbox, lane, 'reconcile')).code).toBe(0)
    rmSync(lane.snapshot, { recursive: true })
    execFileSync('cp', ['-a', lane.home, lane.snapshot])
  }
  const chance = random('kill a rollback')
  const { total, open } = await measure(sandbox, lanes[0] as Lane, 'rollback')
  let journals = 0
  let back = 0
  await rounds(lanes, instants(32), async (lane, index) => {
    restore(lane)
    const inUndo = index % 4 !== 0
    if (await killed(sandbox, lane, chance() * (inUndo ? open : total), inUndo ? 'journal' : 'start', 'rollback')) journals++
    const next = await run(sandbox, lane, 'reconcile')
    if (next.code === 5) back++
    else expect(next.code, `round ${index}: ${next.said}`).toBe(0)
    expect(homeOf(sandbox, lane), `round ${index}: ${next.said}`).toEqual(next.code === 5 ? old : wanted)
    expect(leftovers(sandbox, lane), `round ${index}`).toEqual([])
    expect(next.said, `round ${index}`).not.toContain('left alone')
  })
  expect(journals).toBeGreaterThan(0)
  expect(back).toBeGreaterThanOrEqual(journals)
})

test('a recovery that is killed itself, twice in a row, is finished by the run after it', finished, async ({ sandbox, lanes }) => {
  const { wanted } = await prepare(sandbox, lanes, 'true')
  const chance = random('kill a recovery')
  restore(lanes[0] as Lane)
  const { open } = await measure(sandbox, lanes[0] as Lane, 'reconcile')
  restore(lanes[0] as Lane)
  await killed(sandbox, lanes[0] as Lane, open * 0.8, 'journal', 'reconcile')
  const recovery = await measure(sandbox, lanes[0] as Lane, 'rollback')
  const start = recovery.total - recovery.open
  let twice = 0
  await rounds(lanes, instants(24), async (lane, index) => {
    restore(lane)
    await killed(sandbox, lane, (0.5 + chance() / 2) * open, 'journal', 'reconcile')
    // From here on the journal is there from the start: the instant is counted from the start of the process.
    for (const _ of [1, 2])
      if (await killed(sandbox, lane, Math.max(1, start + (chance() - 0.3) * recovery.open), 'start', 'reconcile')) twice++
    const next = await run(sandbox, lane, 'reconcile')
    expect(next.code, `round ${index}: ${next.said}`).toBe(0)
    expect(homeOf(sandbox, lane), `round ${index}: ${next.said}`).toEqual(wanted)
    expect(leftovers(sandbox, lane), `round ${index}`).toEqual([])
    expect(next.said, `round ${index}`).not.toContain('left alone')
  })
  expect(twice).toBeGreaterThan(2)
})

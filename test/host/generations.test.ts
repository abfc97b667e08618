import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { resolve } from '../../lib/config/resolve.ts'
import { storeIn } from '../../lib/host/store.ts'
import { machine } from '../../lib/host/machine.ts'
import type { Config } from '../../lib/model/config.ts'
import { absPath } from '../../lib/model/path.ts'
import { begin } from '../../tasks/begin.ts'
import { historyOf } from '../../tasks/history.ts'
import { leave } from '../../tasks/leave.ts'
import type { Run } from '../../tasks/run.ts'
import { session, type Rendering } from '../../tasks/session.ts'
import { takeBackTo } from '../../tasks/take-back.ts'
import { random } from '../support/random.ts'
import { test as base, type Files, type Sandbox } from '../support/sandbox.ts'

/** A source and a target in memory, and the engine in this process: hundreds of applies take seconds. */
interface Ground {
  readonly live: string
  readonly config: Config
  /** Makes the source hold exactly these files. */
  wants(files: Files): void
  reconcile(): Promise<string>
  act<T>(what: (run: Run) => Promise<T>): Promise<T>
}

const test = base.extend<{ ground: Ground }>({
  ground: async ({ sandbox }, use) => {
    const root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'gitops-test-'))
    try {
      await use(await groundIn(sandbox, root))
    } finally {
      rmSync(root, { recursive: true, force: true })
    }
  },
})

async function groundIn(sandbox: Sandbox, root: string): Promise<Ground> {
  const [home, source] = [join(root, 'home'), join(root, 'source')]
  for (const directory of [home, source]) mkdirSync(directory)
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: source, env: sandbox.env, encoding: 'utf8' })
  git('init', '-q', '--initial-branch=main')
  const here = machine()
  const { hostname: host, platform, env } = here
  const config = await resolve(
    { name: 'story', home, sources: { team: { repo: source, ref: 'main' } }, targets: { live: { from: 'live', to: '~/live' } } },
    { file: null, modules: [], directory: absPath(root), host, home: absPath(home), platform, env },
  )
  const beginning = {
    dry: false,
    allowShrink: true,
    signal: new AbortController().signal,
    machine: { ...here, pid: process.pid },
    handedOver: null,
    wait: 5000,
  }
  let commits = 0
  return {
    live: join(home, 'live'),
    config,
    wants(files) {
      rmSync(join(source, 'live'), { recursive: true, force: true })
      sandbox.write(source, Object.fromEntries(Object.entries(files).map(([path, file]) => [`live/${path}`, file])))
      // A target's directory is there, whatever it holds.
      sandbox.write(source, { 'live/always': 'x' })
      git('add', '-A')
      git('commit', '-q', '--allow-empty', '-m', `commit ${commits++}`)
    },
    async reconcile() {
      const { verdict } = await session(config, { ...beginning, fetch: true }, { renderer: 'silent' } as unknown as Rendering)
      return `${verdict?.outcome}: ${verdict?.message}`
    },
    async act(what) {
      const { run, lock } = await begin(config, { ...beginning, fetch: false })
      try {
        return await what(run)
      } finally {
        lock?.release()
      }
    },
  }
}

const back = (generation: number) => (run: Run) => takeBackTo(run, { generation, source: null, target: null })
const listed = ({ config }: Ground): ReturnType<typeof historyOf> =>
  historyOf(
    storeIn(config.state, (sentence) => expect.fail(sentence)),
    { source: null, target: null },
    false,
  )
const original = (run: Run) => leave(run, { source: null, all: true, hold: true })

/** How much of a state is ours to collect: not what Git keeps in its clones, nor the trail. */
function size(directory: string): { files: number; bytes: number } {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !/\/sources\b/.test(entry.parentPath) && entry.name !== 'audit.log',
  )
  return { files: files.length, bytes: files.reduce((sum, { parentPath, name }) => sum + lstatSync(join(parentPath, name)).size, 0) }
}

test(
  'after 100 commits the state is no bigger than after 25, every state that history lists can be gone back to, and so can the original',
  { timeout: 200_000 },
  async ({ ground, sandbox }) => {
    sandbox.write(ground.live, { a: 'before us', own: 'an application' })
    const before = sandbox.tree(ground.live)
    const trees = new Map<number, Record<string, string>>()
    let early = 0
    for (let n = 1; n <= 100; n++) {
      ground.wants({ a: `a ${n}`, [`b/${n % 7}`]: `b ${n}`, 'c/c': `${n}`.repeat(500) })
      expect(await ground.reconcile()).toContain('applied')
      trees.set(n, sandbox.tree(ground.live))
      if (n === 25) early = size(ground.config.state).files
    }
    const now = size(ground.config.state)
    expect(now.files).toBeLessThanOrEqual(early + 2)
    expect(now.bytes).toBeLessThan(200_000)
    const states = listed(ground)
    expect(states.map(({ generation }) => generation)).toEqual(Array.from({ length: 20 }, (_, index) => 100 - index))
    for (const { generation } of states.slice(1)) {
      await ground.act(back(generation))
      expect(sandbox.tree(ground.live), `generation ${generation}`).toEqual(trees.get(generation))
    }
    await ground.act(original)
    expect(sandbox.tree(ground.live)).toEqual(before)
  },
)

/** What a path of the source may be; a name may be a file in one commit and a directory in the next. */
const NAMES = ['a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/f', 'g/h/i', 'g/h', 'ü', 'z']

function drawn(chance: () => number): Files {
  const files: Record<string, Files[string]> = {}
  for (const name of NAMES.toSorted(() => chance() - 0.5)) {
    const taken = Object.keys(files).some((other) => other.startsWith(`${name}/`) || name.startsWith(`${other}/`))
    if (taken || chance() < 0.45) continue
    const text = `${name} ${Math.floor(chance() * 3)}`
    files[name] = chance() < 0.15 ? { link: 'always' } : chance() < 0.3 ? { text, mode: 0o755 } : text
  }
  return files
}

const TIMES = Number(process.env['GITOPS_FAULT_ROUNDS'] ?? 1)

test(
  'whatever commits, drifts and rollbacks follow each other, a rollback ends in exactly the tree of its generation',
  { timeout: 60_000 * TIMES },
  async ({ ground, sandbox }) => {
    const chance = random('rollbacks')
    sandbox.write(ground.live, { a: 'before us', z: { text: 'before us', mode: 0o755 }, 'app/own': 'an application' })
    const before = sandbox.tree(ground.live)
    const trees = new Map<number, Record<string, string>>()
    let wanted = sandbox.tree(ground.live)
    for (let step = 0; step < 30 * TIMES; step++) {
      const action = chance()
      const states = listed(ground).filter(({ outcome, why }) => outcome === 'applied' && why !== 'heal')
      const told = `step ${step}`
      if (action < 0.45 || states.length === 0) {
        ground.wants(drawn(chance))
        const said = await ground.reconcile()
        expect(said, told).toMatch(/^(?:applied|in-sync|refused: .*held)/)
        if (!said.startsWith('refused')) wanted = sandbox.tree(ground.live)
        const live = listed(ground).find((each) => each.live)?.generation
        if (live !== undefined && !trees.has(live)) trees.set(live, wanted)
      } else if (action < 0.7) {
        const files = Object.keys(wanted).filter((path) => !path.endsWith('/') && wanted[path] !== before[path])
        const path = files[Math.floor(chance() * files.length)] ?? 'always'
        rmSync(join(ground.live, path), { force: true })
        if (chance() < 0.6) sandbox.write(ground.live, { [path]: 'somebody else' })
        await ground.reconcile()
      } else if (states.length > 0) {
        const { generation } = states[Math.floor(chance() * Math.min(states.length, 6))] as { generation: number }
        await ground.act(back(generation))
        wanted = trees.get(generation) as Record<string, string>
      }
      expect(sandbox.tree(ground.live), told).toEqual(wanted)
    }
    await ground.act(original)
    expect(sandbox.tree(ground.live)).toEqual(before)
  },
)

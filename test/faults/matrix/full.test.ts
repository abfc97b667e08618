import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ended, promised, settled } from './judge.ts'
import { look, times } from './look.ts'
import { gitops, makeWorld, THEIR_OWN, type Lane, type World } from './world.ts'

const command = (name: string, ...args: string[]): string =>
  execFileSync(name, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

/** Why this machine cannot fill a file system for us, or null. */
function unable(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux can mount a small file system'
  const place = '/tmp/gitops-test-mount'
  mkdirSync(place, { recursive: true })
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', place]).status !== 0)
    return 'this machine lets nobody mount a file system'
  command('umount', place)
  return null
}

/** Fills a file system up to some free pages; returns the file to remove. */
function fill(root: string, pages: number): string {
  const filler = join(root, 'filler')
  const file = openSync(filler, 'w')
  const { bavail, bsize } = statfsSync(root)
  for (let left = bavail - pages; left > 0; left--) writeSync(file, Buffer.alloc(bsize))
  closeSync(file)
  return filler
}

/** One run with so many pages of 4 KiB left for target and state, one more with room, and a third that finds nothing to do. */
async function tell(world: World, lane: Lane, pages: number): Promise<string[]> {
  command('mount', '-t', 'tmpfs', '-o', 'size=6m,mode=700', 'none', lane.root)
  try {
    command('cp', '-a', `${lane.root}-old/.`, lane.root)
    const looks = { old: world.old, new: world.wanted }
    const theirs = times(lane.home, THEIR_OWN)
    const filler = fill(lane.root, pages)
    const first = await gitops(world, lane, 'reconcile')
    const early = promised(looks, lane, first, { before: 'old', after: 'new' })
    rmSync(filler)
    const next = await gitops(world, lane, 'reconcile')
    const { end, wrong } = ended(looks, lane, next, { ends: ['new'] }, theirs)
    const third = settled(lane, await gitops(world, lane, 'reconcile', '--json'), end ?? 'new', look(lane))
    return [...early, ...wrong, ...third].map((line) => `with ${pages} pages: ${line}`)
  } finally {
    command('umount', '-l', lane.root)
  }
}

const reason = unable()

test.skipIf(reason !== null)(
  `a disk that is full after any number of pages leaves exactly old, and exactly new once there is room${reason === null ? '' : ` (${reason})`}`,
  { timeout: 600_000 },
  async () => {
    const world = await makeWorld('good', 1)
    try {
      const [lane] = world.lanes as [Lane]
      const step = process.env['GITOPS_FAULT_ROUNDS'] === undefined ? 24 : 1
      const wrong: string[] = []
      let tried = 0
      for (let pages = 0; pages < 100; pages += step, tried++) wrong.push(...(await tell(world, lane, pages)))
      console.log(`${tried} full disks, ${wrong.length} promises broken`)
      expect(wrong.join('\n')).toBe('')
    } finally {
      world.remove()
    }
  },
)

import { calls, disturb, type Call } from './strace.ts'
import type { End, FAULTS, Story, WorldName } from './classes.ts'
import type { Look } from './look.ts'
import { gitops, keep, makeWorld, restore, type Lane, type World } from './world.ts'

/** Whether the system can give this answer to a call. */
export function possible(fault: (typeof FAULTS)[number], { syscall, writes }: Call): boolean {
  const handle = ['write', 'pwrite64', 'writev', 'fsync', 'fdatasync', 'fchmod', 'fchown', 'ftruncate'].includes(syscall)
  if (fault === 'KILL') return writes
  if (fault === 'EIO') return true
  if (fault === 'EMFILE') return syscall === 'openat'
  if (fault === 'EACCES') return !handle
  if (fault === 'EROFS') return writes && !['write', 'pwrite64', 'writev', 'fsync', 'fdatasync'].includes(syscall)
  return writes && !['unlink', 'unlinkat', 'rmdir', 'fchmod', 'chmod', 'fchown', 'utimensat'].includes(syscall)
}

/** A story that can be told: its world, and the calls of an undisturbed telling. */
export interface Told {
  readonly story: Story
  readonly world: World
  readonly calls: readonly Call[]
  /** How the files are at its ends. */
  readonly looks: Readonly<Record<End, Look>>
}

/** The worlds, made with so many lanes when the first story needs them. */
export function worlds(lanes: number): { tell(story: Story): Promise<Told>; remove(): void } {
  const made = new Map<WorldName, World>()
  const told = new Map<string, Told>()
  return {
    async tell(story) {
      const known = told.get(story.name)
      if (known !== undefined) return known
      const world = made.get(story.world) ?? (await makeWorld(story.world, lanes))
      made.set(story.world, world)
      for (const lane of world.lanes) await begin(world, lane, story)
      const [lane] = world.lanes as [Lane]
      restore(lane, story.from)
      const looks = { old: story.old === undefined ? world.old : world.original, new: world.wanted }
      const next = { story, world, looks, calls: await calls(world, lane, story.args) }
      told.set(story.name, next)
      return next
    },
    remove: () => made.forEach((world) => world.remove()),
  }
}

/** Brings a lane to where a story begins, and keeps it so. */
async function begin(world: World, lane: Lane, { from }: Story): Promise<void> {
  if (from === 'old' || from === 'never') return
  restore(lane, from === 'half' ? 'new' : 'old')
  if (from === 'new') await gitops(world, lane, 'reconcile')
  else await killedLate(world, lane, from === 'half' ? ['rollback'] : ['reconcile'])
  keep(lane, from)
}

/** Kills a command where it has done all its work on the files and not said so yet: the next one has everything to take back. */
async function killedLate(world: World, lane: Lane, args: readonly string[]): Promise<void> {
  const from = args[0] === 'reconcile' ? 'old' : 'new'
  const all = await calls(world, lane, args)
  const last = all.findLast(({ label }) => /^rename\(.* state\/inventory\.json\)/.test(label))
  if (last === undefined) throw new Error(`${args.join(' ')} does not write the inventory`)
  restore(lane, from)
  const { hit } = await disturb(world, lane, args, { ...last, fault: 'KILL' })
  if (hit?.label !== last.label) throw new Error(`${args.join(' ')} was not killed at ${last.label}`)
}

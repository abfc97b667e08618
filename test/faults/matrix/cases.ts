import { FAULTS, STORIES, type End } from './classes.ts'
import { ended, promised, settled, waitForLocks, type Violations } from './judge.ts'
import { look, times, type Look } from './look.ts'
import { possible, type Told } from './stories.ts'
import { disturb, type Call, type Disturbed } from './strace.ts'
import { gitops, LATE, restore, THEIR_OWN, type Lane } from './world.ts'

/** One system call of a story, and what happens to it. */
export interface Case {
  readonly told: Told
  readonly call: Call
  readonly fault: (typeof FAULTS)[number]
}

/** What became of one case. */
export interface Result {
  /** The call that was hit: not always the one that was aimed at. */
  readonly hit: Call | null
  readonly end: End | null
  readonly wrong: Violations
}

/** How often a call is aimed at that is not always the same one of its kind: the main thread wakes others by writing, too. */
const AIMS = 4

/** The parts of the matrix that were asked for, such as `apply:kill` or `kill:rename`, a story, fault or system call each; none stands for all. */
const ASKED = (process.env['GITOPS_MATRIX'] ?? '').toLowerCase().split(',').filter(Boolean)

const CLASSES = new Set([...STORIES.map(({ name }) => name), ...FAULTS].map((name) => name.toLowerCase()))

/** Whether what is told of a class are its cases of all system calls. */
export const WHOLE = ASKED.every((one) => one.split(':').every((part) => CLASSES.has(part)))

/** Whether a story and a fault are in what was asked for; without a system call, whether some of it may be. */
export function wanted(story: string, fault: string, syscall: string | null): boolean {
  const parts = new Set([story, fault, syscall].map((part) => part?.toLowerCase()))
  const fits = (part: string): boolean => parts.has(part) || (syscall === null && !CLASSES.has(part))
  return ASKED.length === 0 || ASKED.some((one) => one.split(':').every(fits))
}

/** Every case of a story and a fault. */
export function casesOf(told: Told, fault: (typeof FAULTS)[number]): Case[] {
  return told.calls
    .filter((call) => possible(fault, call) && wanted(told.story.name, fault, call.syscall))
    .map((call) => ({ told, call, fault }))
}

/**
 * Disturbs a command at one call, then runs one that nobody disturbs, and judges what they leave. With `third`, or where something is
 * wrong, another one has to find nothing to do.
 */
export async function tell({ told, call, fault }: Case, lane: Lane, third: boolean): Promise<Result> {
  const { story, world, looks } = told
  const began = await aim({ told, call, fault }, lane)
  if (began === null) return { hit: null, end: null, wrong: [] }
  const early = fault === 'KILL' && began.ran.code !== LATE ? [] : promised(looks, lane, began.ran, story)
  waitForLocks(lane)
  const next = await gitops(world, lane, ...(story.next ?? ['reconcile']))
  const { end, wrong } = ended(looks, lane, next, story, began.theirs, fault)
  const known = { hit: began.hit, end, wrong: [...early, ...wrong] }
  if (end === null || (!third && known.wrong.length === 0)) return known
  const before = look(lane)
  const last = await gitops(world, lane, ...(story.next ?? ['reconcile', '--json']))
  return { ...known, wrong: [...known.wrong, ...settled(lane, last, end, before, story.next)] }
}

interface Aimed {
  readonly ran: Disturbed
  readonly hit: Call
  readonly theirs: Look
}

/** Any call on the lane's files is a case; one on something else is another attempt. */
async function aim({ told, call, fault }: Case, lane: Lane): Promise<Aimed | null> {
  const { story, world } = told
  for (let attempt = 0, { nth } = call; attempt < AIMS; attempt++) {
    restore(lane, story.from)
    const theirs = times(lane.home, THEIR_OWN)
    const ran = await disturb(world, lane, story.args, { syscall: call.syscall, nth, fault })
    // A thread that could not wake another waits for ever: where the call was none on files of ours, that says nothing.
    if (ran.code === LATE && (fault === 'KILL' || ran.hit !== null)) return { ran, hit: ran.hit ?? call, theirs }
    if (ran.hit !== null && possible(fault, ran.hit)) return { ran, hit: ran.hit, theirs }
    nth = ran.made.find(({ label }) => label === call.label)?.nth ?? nth + (attempt % 2 === 0 ? attempt + 1 : -attempt - 1)
  }
  return null
}

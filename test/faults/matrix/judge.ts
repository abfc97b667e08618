import { existsSync, readFileSync, readdirSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import type { Ran } from '../../support/sandbox.ts'
import type { End, Story } from './classes.ts'
import { differences, entries, look, times, type Look } from './look.ts'
import { CANARY, LATE, PATIENCE, THEIR_OWN, type Lane } from './world.ts'

/** What a person may rely on and did not get, a sentence each: its kind, a colon, and what was seen. */
export type Violations = readonly string[]

/** How the files are at both ends. */
export type Ends = Readonly<Record<End, Look>>

/** What the files are after a disturbed command that ended by itself: its exit code says what it promises. */
export function promised(
  looks: Ends,
  lane: Lane,
  ran: Ran,
  { before, after, meddled }: Pick<Story, 'before' | 'after' | 'meddled'>,
): Violations {
  const now = look(lane)
  const is = (end: End): boolean => differences(now, looks[end]).length === 0
  if (ran.code === LATE) return [hangs(ran)]
  const wrong: string[] = []
  if (/this is a bug|^\s+at .*:\d+:\d+/m.test(ran.said)) wrong.push(`stack: it ends with a stack trace: ${ran.said}`)
  if (![0, 1, 4, 5, 6].includes(ran.code)) wrong.push(`code: it ends with exit code ${ran.code}: ${ran.said}`)
  if (ran.code === 0 && !is(after)) wrong.push(`lie: it says that all is well and the files are not ${after}: ${ran.said}`)
  if (ran.code === 1 && before !== 'between' && !is(before) && !(meddled === true && ran.said.includes('left alone')))
    wrong.push(`lie: it says that the machine is as it was, and it is not: ${ran.said}`)
  if ((ran.code === 5 || ran.code === 6) && !is('old'))
    wrong.push(`lie: it says that it rolled back, and the files are not old: ${ran.said}`)
  if (ran.code !== 0 && !/\S{3,} \S{2,}/.test(ran.said)) wrong.push(`silence: it fails with exit code ${ran.code} and says nothing`)
  return wrong
}

/** What a run that nobody disturbed has made of it: which end it is, and what is wrong with it. */
export function ended(
  looks: Ends,
  lane: Lane,
  next: Ran,
  { ends, next: command }: Pick<Story, 'ends' | 'next'>,
  theirs: Look,
  fault = '',
): { end: End | null; wrong: Violations } {
  const now = look(lane)
  const off = ends.map((end) => differences(now, looks[end]))
  const at = off.findIndex((lines) => lines.length === 0)
  const end = ends[at] ?? null
  const wrong = [
    ...(end === null ? [`files: they are neither old nor new: ${(off[0] ?? []).join(' · ')}`] : []),
    ...(next.code === LATE ? [hangs(next)] : []),
    ...((command !== undefined ? [0] : codes(end, ends)).includes(next.code)
      ? []
      : [`code: the next run ends with exit code ${next.code}: ${next.said}`]),
    ...(next.said.includes('left alone') ? [`alone: the next run takes our own work for somebody else's: ${next.said}`] : []),
    ...differences(times(lane.home, THEIR_OWN), theirs).map((line) => `theirs: a file of the application: ${line}`),
    ...leftovers(lane, fault).map((path) => `leftover: ${path}`),
    ...plaintext(lane).map((path) => `plaintext: in ${path}`),
    ...unreadable(lane).map((path) => `unreadable: ${path}`),
    ...(existsSync(join(lane.state, 'lock')) ? readdirSync(join(lane.state, 'lock')).map((name) => `lock: is stuck: ${name}`) : []),
  ]
  return { end, wrong }
}

/** The old end is right with new content that is refused, or rolled back just now. */
function codes(end: End | null, ends: readonly End[]): readonly number[] {
  return end === 'new' || (end === null && ends.includes('new')) ? [0] : [5, 6]
}

/** What a run does that finds everything done: nothing. */
export function settled(lane: Lane, third: Ran, end: End, before: Look, command?: readonly string[]): Violations {
  if (third.code === LATE) return [hangs(third)]
  const changed = differences(look(lane), before).map((line) => `third: a third run changes ${line}`)
  if (command !== undefined)
    return third.code === 0 ? changed : [...changed, `third: a third run ends with exit code ${third.code}: ${third.said}`]
  const verdict = JSON.parse(third.stdout.trim().split('\n').at(-1) ?? '{}') as { outcome?: string }
  const outcome = end === 'new' ? 'in-sync' : 'refused'
  return [...(verdict.outcome === outcome ? [] : [`third: a third run is not ${outcome}: ${third.said}`]), ...changed]
}

function hangs({ said }: Ran): string {
  return `hang: a command did not end in ${PATIENCE} s: ${said}`
}

/** Makes what a killed run has left in the lock directory older than the time for which it could be somebody's who is just writing it. */
export function waitForLocks(lane: Lane): void {
  const directory = join(lane.state, 'lock')
  if (!existsSync(directory)) return
  const then = new Date(Date.now() - 11_000)
  for (const name of readdirSync(directory)) if (name.endsWith('.tmp')) utimesSync(join(directory, name), then, then)
}

/** What cannot be read is set aside under a name that says so, and the copy counts: that is no litter. */
const SET_ASIDE: Readonly<Record<string, RegExp>> = { EIO: /\.damaged-\d+$/ }

function leftovers(lane: Lane, fault: string): string[] {
  return [
    ...entries(lane.home).filter(
      (path) =>
        /\.gitops-|\.tmp$|\.damaged|\/journal\.json$|\/sources\/.*\.lock$|\/host\.key\.(?!copy$)/.test(path) &&
        SET_ASIDE[fault]?.test(path) !== true,
    ),
    ...entries(lane.runtime),
  ]
}

function plaintext(lane: Lane): string[] {
  const places = new Set(['home/.claude.json', 'home/.app/token'])
  return entries(lane.root).filter((path) => !places.has(path) && contains(join(lane.root, path), CANARY))
}

function contains(path: string, text: string): boolean {
  try {
    return readFileSync(path).includes(text)
  } catch {
    return false
  }
}

function unreadable(lane: Lane): string[] {
  return entries(lane.state).filter((path) => /^[^/]+\.json$|^generations\//.test(path) && !reads(join(lane.state, path)))
}

function reads(path: string): boolean {
  try {
    JSON.parse(readFileSync(path, 'utf8'))
    return true
  } catch {
    return false
  }
}

import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { undoing, type Step } from '../model/steps.ts'
import type { KeptCopy } from '../model/state.ts'
import type { Node } from '../model/tree.ts'
import { create, overwrite, settleAside, takeAway } from './aside.ts'
import { undoEdit, type Desk } from './edit.ts'
import { shortHash } from './hash.ts'
import type { Kept } from './kept.ts'
import { nowAndThen } from './now-and-then.ts'
import { reached, statOf } from './live.ts'
import { lookAgain, removeDirectory, removeIfThere, restoreDirectory, syncDirectories, writeTemp, type PutOrRemove } from './place.ts'

/** As many paths as a person reads in one message. */
const MOST = 10

type Edit = Extract<Step, { kind: 'edit' }>

/** What undoing left alone because someone else wrote there after us. */
export interface Undone {
  readonly left: readonly AbsPath[]
  /** What someone wrote while we did, and someone else has replaced since: a copy of each. */
  readonly kept: readonly KeptCopy[]
  /** Steps of directories that cannot be reached for now: temporary files of ours may lie in them. */
  readonly behind: readonly Step[]
}

/** What undoing does and leaves to be told. */
interface Undoing {
  readonly kept: Kept
  readonly copies: KeptCopy[]
  /** Directories that were to make room. */
  readonly emptied: ReadonlySet<AbsPath>
}

/**
 * Takes steps back, last first. Needs nothing but the steps and the kept copies, and may itself be killed and run again.
 * Throws `stuck` when something cannot be put back; everything else is back by then.
 */
export async function undo(steps: readonly Step[], desk: Desk): Promise<Undone> {
  const left: AbsPath[] = []
  const own = new Set(steps.flatMap((step) => (step.kind === 'mkdir' || step.kind === 'rmdir' ? [step.path] : [])))
  const behind = steps.filter((step) => mayHaveTemp(step) && isAway(step.path, own))
  const failures: string[] = []
  const emptied = new Set(steps.flatMap((step) => (step.kind === 'rmdir' ? [step.path] : [])))
  const way: Undoing = { kept: desk.kept, copies: [], emptied }
  const ensure = nowAndThen(desk.ensure)
  for (const step of steps.toReversed()) {
    ensure()
    try {
      if ((step.kind === 'edit' ? await takeEditBack(step, desk) : takeBack(step, way)) === 'left') left.push(step.path)
    } catch (error) {
      failures.push(`${step.path}: ${(error as Error).message}`)
    }
  }
  syncDirectories(steps)
  if (failures.length > 0) {
    throw new GitopsError('stuck', `what was there before could not be put back:\n  ${few(failures).join('\n  ')}`, {
      hint: 'Mend that, then run `gitops reconcile`: it finishes the undo before anything else.',
    })
  }
  return { left, kept: way.copies, behind }
}

/** Sweeps what undoing could not reach then, where it can be reached by now: nothing of what is live changes but what somebody wrote at the last moment. */
export function sweep(steps: readonly Step[], kept: Kept): Omit<Undone, 'left'> {
  const behind: Step[] = []
  const copies: KeptCopy[] = []
  for (const step of steps) {
    if (isAway(step.path)) behind.push(step)
    else if (step.kind === 'edit') removeIfThere(step.temp)
    else if (step.kind === 'put' || step.kind === 'remove') copies.push(...swept(step, kept))
  }
  return { kept: copies, behind }
}

/**
 * Removes the temporary files of a run that has lost its lock, and with it the right to undo. Their names are of that run alone, and
 * when its state directory has vanished no other run knows of them. One that cannot be removed stays.
 */
export function discard(steps: readonly Step[]): void {
  for (const step of steps) {
    if ((step.kind !== 'put' && step.kind !== 'edit') || !reached(step.temp)) continue
    try {
      removeIfThere(step.temp)
    } catch {
      // The next one may go.
    }
  }
}

function swept(step: PutOrRemove, kept: Kept): KeptCopy[] {
  if (step.kind === 'put') removeIfThere(step.temp)
  removeIfThere(undoTemp(step.path))
  return settleAside(step, kept)
}

function mayHaveTemp({ kind }: Step): boolean {
  return kind !== 'mkdir' && kind !== 'rmdir'
}

/** Whether a path's directory has been moved away, with or without a link in its place; one that the steps themselves have made or removed may be missing. */
function isAway(path: AbsPath, own: ReadonlySet<string> = new Set()): boolean {
  return !reached(path) || (statOf(dirname(path)) === null && !own.has(dirname(path)))
}

function few(lines: readonly string[]): string[] {
  return lines.length <= MOST ? [...lines] : [...lines.slice(0, MOST), `and ${lines.length - MOST} more`]
}

async function takeEditBack(step: Edit, desk: Desk): Promise<'left' | 'done'> {
  if (!reached(step.path)) return 'left'
  removeIfThere(step.temp)
  return undoEdit(step, desk)
}

function takeBack(step: Exclude<Step, Edit>, { kept, copies, emptied }: Undoing): 'left' | 'done' {
  // Someone has put a link in place of a directory: what lies behind it is not ours.
  if (step.kind === 'put' && reached(step.temp)) removeIfThere(step.temp)
  if (!reached(step.path)) return step.kind === 'put' || step.kind === 'remove' ? 'left' : 'done'
  if (step.kind === 'mkdir') removeDirectory(step.path)
  else if (step.kind === 'rmdir') restoreDirectory(step.path, step.mode)
  else {
    copies.push(...swept(step, kept))
    const now = lookAgain(step, kept)
    const what = undoing(step, now)
    // A directory that was to make room for a file is still, or again, what was there before.
    if (what === 'left') return emptied.has(step.path) && statOf(step.path)?.isDirectory() === true ? 'done' : 'left'
    if (what === 'restore' && now !== 'other' && !isRestored(step, now, kept)) {
      removeIfThere(undoTemp(step.path))
      copies.push(...settleAside(step, kept))
      return 'left'
    }
  }
  return 'done'
}

/** False when someone was faster. */
function isRestored(step: PutOrRemove, now: Node | null, kept: Kept): boolean {
  if (step.before === null) return now === null || takeAway(step, now, kept)
  const temp = undoTemp(step.path)
  mkdirSync(dirname(step.path), { recursive: true })
  writeTemp(temp, kept.read(step.before.digest), step.before, step.path)
  return now === null ? create(temp, step.path, step.before.kind) : overwrite(step, temp, now, kept)
}

/** One name a path, so that an undo that was killed finds what it left; short, for the path's own name may be as long as names can be. */
function undoTemp(path: AbsPath): string {
  return join(dirname(path), `.gitops-undo-${shortHash(path)}.tmp`)
}

import { mkdirSync, renameSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { undoing, type Step } from '../model/steps.ts'
import type { Node } from '../model/tree.ts'
import { undoEdit, type Desk } from './edit.ts'
import { shortHash } from './hash.ts'
import type { Kept } from './kept.ts'
import { nowAndThen } from './now-and-then.ts'
import { reached, statOf } from './live.ts'
import { lookAgain, removeDirectory, removeIfThere, restoreDirectory, syncDirectories, writeTemp } from './place.ts'

/** As many paths as a person reads in one message. */
const MOST = 10

type Edit = Extract<Step, { kind: 'edit' }>

/** What undoing left alone because someone else wrote there after us. */
export interface Undone {
  readonly left: readonly AbsPath[]
}

/**
 * Takes steps back, last first. Needs nothing but the steps and the kept copies, and may itself be killed and run again.
 * Throws `stuck` when something cannot be put back; everything else is back by then.
 */
export async function undo(steps: readonly Step[], desk: Desk): Promise<Undone> {
  const left: AbsPath[] = []
  const failures: string[] = []
  const emptied = new Set(steps.flatMap((step) => (step.kind === 'rmdir' ? [step.path] : [])))
  const ensure = nowAndThen(desk.ensure)
  for (const step of steps.toReversed()) {
    ensure()
    try {
      if ((step.kind === 'edit' ? await takeEditBack(step, desk) : takeBack(step, desk.kept, emptied)) === 'left') left.push(step.path)
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
  return { left }
}

function few(lines: readonly string[]): string[] {
  return lines.length <= MOST ? [...lines] : [...lines.slice(0, MOST), `and ${lines.length - MOST} more`]
}

async function takeEditBack(step: Edit, desk: Desk): Promise<'left' | 'done'> {
  if (!reached(step.path)) return 'left'
  removeIfThere(step.temp)
  return undoEdit(step, desk)
}

function takeBack(step: Exclude<Step, Edit>, kept: Kept, emptied: ReadonlySet<AbsPath>): 'left' | 'done' {
  // Someone has put a link in place of a directory: what lies behind it is not ours.
  if (!reached(step.path)) return step.kind === 'put' || step.kind === 'remove' ? 'left' : 'done'
  if (step.kind === 'mkdir') removeDirectory(step.path)
  else if (step.kind === 'rmdir') restoreDirectory(step.path, step.mode)
  else {
    if (step.kind === 'put') removeIfThere(step.temp)
    removeIfThere(undoTemp(step.path))
    const what = undoing(step, lookAgain(step, kept))
    // A directory that was to make room for a file is still, or again, what was there before.
    if (what === 'left') return emptied.has(step.path) && statOf(step.path)?.isDirectory() === true ? 'done' : 'left'
    if (what === 'restore' && step.before === null) unlinkSync(step.path)
    else if (what === 'restore' && step.before !== null) restore(step.path, step.before, kept)
  }
  return 'done'
}

function restore(path: AbsPath, before: Node, kept: Kept): void {
  const temp = undoTemp(path)
  mkdirSync(dirname(path), { recursive: true })
  writeTemp(temp, kept.read(before.digest), before, path)
  renameSync(temp, path)
}

/** One name a path, so that an undo that was killed finds what it left; short, for the path's own name may be as long as names can be. */
function undoTemp(path: AbsPath): string {
  return join(dirname(path), `.gitops-undo-${shortHash(path)}.tmp`)
}

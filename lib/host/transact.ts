import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { sameNode, undoing, type Step } from '../model/steps.ts'
import type { Content, Node } from '../model/tree.ts'
import { shortHash } from './hash.ts'
import type { Kept } from './kept.ts'
import { look, reached, statOf } from './live.ts'
import { syncDirectory, writeAll } from './write.ts'

/** As many paths as a person reads in one message. */
const MOST = 10

type Put = Extract<Step, { kind: 'put' }>

/** Turns contents into bytes, several at a time so that one Git process can serve them. */
export type Reader = (contents: readonly Content[]) => AsyncIterable<Buffer>

/** Writes every new file beside its place, complete and on disk, before anything visible changes. Until then a full disk costs nothing. */
export async function stage(
  steps: readonly Step[],
  contents: ReadonlyMap<AbsPath, Content>,
  read: Reader,
  signal: AbortSignal,
): Promise<void> {
  const puts = steps.filter((step) => step.kind === 'put')
  let index = 0
  for await (const bytes of read(puts.map((put) => contents.get(put.path) as Content))) {
    const put = puts[index++]
    if (put !== undefined) {
      refuseIfMoved(put.temp)
      writeTemp(put.temp, bytes, put.after, put.path)
    }
    signal.throwIfAborted()
  }
}

/** Takes the steps, in order. Throws `contested` when something else wrote to one of the paths meanwhile. */
export async function perform(steps: readonly Step[], signal: AbortSignal): Promise<void> {
  for (const [index, step] of steps.entries()) {
    // A signal is heard only when the event loop turns.
    if (index % 64 === 0) await setImmediate()
    signal.throwIfAborted()
    refuseIfMoved(step.path)
    if (step.kind === 'mkdir') makeDirectory(step.path)
    else if (step.kind === 'rmdir') removeDirectory(step.path)
    else if (step.kind === 'remove') {
      refuseIfChanged(step.path, step.before)
      unlinkSync(step.path)
    } else put(step)
  }
  syncDirectories(steps)
}

/** What undoing left alone because someone else wrote there after us. */
export interface Undone {
  readonly left: readonly AbsPath[]
}

/**
 * Takes steps back, last first. Needs nothing but the steps and the kept copies, and may itself be killed and run again.
 * Throws `stuck` when something cannot be put back; everything else is back by then.
 */
export function undo(steps: readonly Step[], kept: Kept): Undone {
  const left: AbsPath[] = []
  const failures: string[] = []
  const emptied = new Set(steps.flatMap((step) => (step.kind === 'rmdir' ? [step.path] : [])))
  for (const step of steps.toReversed()) {
    try {
      if (takeBack(step, kept, emptied) === 'left') left.push(step.path)
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

function takeBack(step: Step, kept: Kept, emptied: ReadonlySet<AbsPath>): 'left' | 'done' {
  // Someone has put a link in place of a directory: what lies behind it is not ours.
  if (!reached(step.path)) return step.kind === 'put' || step.kind === 'remove' ? 'left' : 'done'
  if (step.kind === 'mkdir') removeDirectory(step.path)
  else if (step.kind === 'rmdir') restoreDirectory(step.path, step.mode)
  else {
    if (step.kind === 'put') removeIfThere(step.temp)
    removeIfThere(undoTemp(step.path))
    const what = undoing(step, look(step.path))
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

function put(step: Put): void {
  refuseIfChanged(step.path, step.before)
  // A link never replaces: it fails when an application made the file a moment ago.
  if (step.before === null && step.after.kind === 'file' && linked(step.temp, step.path)) return unlinkSync(step.temp)
  renameSync(step.temp, step.path)
}

function linked(temp: string, path: string): boolean {
  try {
    linkSync(temp, path)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw contested(path)
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EMLINK' || code === 'ENOSYS') return false
    throw error
  }
}

function refuseIfChanged(path: AbsPath, before: Node | null): void {
  const now = look(path)
  if (now === 'other' || !sameNode(now, before)) throw contested(path)
}

/** A directory may have become a link since the plan was made, and links are not followed. */
function refuseIfMoved(path: AbsPath): void {
  if (!reached(path)) throw contested(dirname(path))
}

function contested(path: string): GitopsError {
  return new GitopsError('contested', `${path} was changed by something else while we were writing`, {
    hint: 'Nothing is lost; the next run looks again.',
  })
}

/** Mode before content, so that nothing is readable for a moment longer than it should be. */
function writeTemp(temp: AbsPath | string, bytes: Buffer, node: Node, place: string): void {
  if (node.kind === 'link') return symlinkSync(bytes.toString(), temp)
  const file = openSync(temp, 'wx', 0o600)
  try {
    const old = statOf(place)
    if (process.getuid?.() === 0 && old !== null && old.isFile() && old.uid !== 0) fchownSync(file, old.uid, old.gid)
    fchmodSync(file, node.mode)
    writeAll(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || statOf(path)?.isDirectory() !== true) throw error
  }
}

function restoreDirectory(path: string, mode: number): void {
  makeDirectory(path)
  if (((statOf(path)?.mode ?? mode) & 0o7777) !== mode) chmodSync(path, mode)
}

/** Removes a directory if it is there and empty; an application's files in it keep it. */
function removeDirectory(path: string): void {
  if (statOf(path) === null) return
  try {
    rmdirSync(path)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** Looks first: a read-only disk refuses to remove even what is not there. */
function removeIfThere(path: string): void {
  if (statOf(path) === null) return
  try {
    unlinkSync(path)
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

function syncDirectories(steps: readonly Step[]): void {
  for (const directory of new Set(steps.map((step) => dirname(step.path)))) {
    if (statOf(directory)?.isDirectory() === true) syncDirectory(directory)
  }
}

import { linkSync, renameSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { sameNode, type Step } from '../model/steps.ts'
import type { Content } from '../model/tree.ts'
import { performEdit, type Desk } from './edit.ts'
import type { Kept } from './kept.ts'
import { reached } from './live.ts'
import { nowAndThen } from './now-and-then.ts'
import { lookAgain, makeDirectory, removeDirectory, restoreDirectory, syncDirectories, writeTemp, type PutOrRemove } from './place.ts'

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
export async function perform(steps: readonly Step[], desk: Desk, signal: AbortSignal): Promise<void> {
  const ensure = nowAndThen(desk.ensure)
  for (const [index, step] of steps.entries()) {
    ensure()
    // A signal is heard only when the event loop turns.
    if (index % 64 === 0) await setImmediate()
    signal.throwIfAborted()
    refuseIfMoved(step.path)
    if (step.kind === 'mkdir' && step.mode !== undefined) restoreDirectory(step.path, step.mode)
    else if (step.kind === 'mkdir') makeDirectory(step.path)
    else if (step.kind === 'rmdir') removeDirectory(step.path)
    else if (step.kind === 'remove') {
      refuseIfChanged(step, desk.kept)
      unlinkSync(step.path)
    } else if (step.kind === 'edit') await performEdit(step, desk, signal)
    else put(step, desk.kept)
  }
  syncDirectories(steps)
}

function put(step: Put, kept: Kept): void {
  refuseIfChanged(step, kept)
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

function refuseIfChanged(step: PutOrRemove, kept: Kept): void {
  const now = lookAgain(step, kept)
  if (now === 'other' || !sameNode(now, step.before)) throw contested(step.path)
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

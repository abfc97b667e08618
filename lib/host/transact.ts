import { dirname } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import type { Step } from '../model/steps.ts'
import type { Content } from '../model/tree.ts'
import { create, overwrite, takeAway } from './aside.ts'
import { performEdit, type Desk } from './edit.ts'
import type { Kept } from './kept.ts'
import { reached } from './live.ts'
import { nowAndThen } from './now-and-then.ts'
import { makeDirectory, removeDirectory, restoreDirectory, syncDirectories, writeTemp, type PutOrRemove } from './place.ts'

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
    else if (step.kind === 'edit') await performEdit(step, desk, signal)
    else if (!isDone(step, desk.kept)) throw contested(step.path)
  }
  syncDirectories(steps)
}

function isDone(step: PutOrRemove, kept: Kept): boolean {
  if (step.kind === 'remove') return takeAway(step, step.before, kept)
  return step.before === null ? create(step.temp, step.path, step.after.kind) : overwrite(step, step.temp, step.before, kept)
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

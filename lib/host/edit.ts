import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, unlinkSync } from 'node:fs'
import type { Documents } from '../documents/documents.ts'
import { decodeEdits, type EditList } from '../model/edit-list.ts'
import { holds, takeBackEdits } from '../model/edits.ts'
import { GitopsError } from '../model/errors.ts'
import { isObject, type Json } from '../model/json.ts'
import { isKeyed } from '../model/path.ts'
import type { Step } from '../model/steps.ts'
import type { Stat } from '../model/tree.ts'
import { withAppLock, type Held } from './app-lock.ts'
import { create } from './aside.ts'
import type { Kept } from './kept.ts'
import { fingerprint, readLive, sameStat, sameWrite, statOf, type Stats } from './live.ts'
import { writeAll } from './write.ts'

type EditStep = Extract<Step, { kind: 'edit' }>

/** Milliseconds of work that an application does not notice, waiting for its lock. */
const UNNOTICED = 100

/** How often a document that an application replaces under our hands is read again. */
const ATTEMPTS = 5

/** What editing needs beside the step. */
export interface Desk {
  readonly kept: Kept
  readonly documents: Documents
  /** Throws `locked` when nothing may be written any more. */
  readonly ensure: () => void
}

/** Sets and removes our keys in a document as it is at this moment; nothing else in it changes. Throws `contested`, or `conflict` when it does not parse. */
export async function performEdit(step: EditStep, { kept, documents }: Desk, signal: AbortSignal): Promise<void> {
  const { as, edits } = listOf(step, kept)
  await rewrite(
    step,
    signal,
    (before) => modeSet(step, before),
    async (text) => {
      await documents.read(as, text, step.path)
      return documents.write(as, text, edits, step.path)
    },
  )
}

/** The permission bits after an edit. A secret is nobody else's to read, also when its document was opened a moment ago; one that we leave may be. */
function modeSet({ edits, mode }: EditStep, before: number): number {
  return isKeyed(edits) && (mode & 0o077) === 0 ? before & 0o700 : mode
}

/** Takes our keys back, in the document as it is now. Returns whether some were left because somebody has changed them since. */
export async function undoEdit(step: EditStep, { kept, documents }: Desk): Promise<'left' | 'done'> {
  if (statOf(step.path) === null) return 'done'
  const { as, edits } = listOf(step, kept)
  let left = false
  let rest: Json | undefined
  const back = async (text: string): Promise<string> => {
    rest = await documents.read(as, text, step.path)
    const doubled = await documents.doubled(as, text, edits)
    const clear = edits.filter((edit) => !doubled.has(edit))
    const back = takeBackEdits(clear, rest)
    left = back.left.length > 0 || doubled.size > 0
    if (back.edits.length === 0) return text
    const next = await documents.write(as, text, back.edits, step.path)
    rest = await documents.read(as, next, step.path)
    return next
  }
  // What we never came to write needs no lock, which may be why we did not.
  const text = readLive(step.path).toString()
  // What is taken back is not given up for an interruption.
  const changed = (await back(text)) !== text
  // Nothing of ours is in it any more: then it is as open as it was, unless somebody has changed that since.
  const modeBack: ModeAfter = (mode) =>
    step.modeBefore !== null && !left && mode === modeSet(step, step.modeBefore) ? step.modeBefore : mode
  const mode = (statOf(step.path)?.mode ?? 0) & 0o7777
  if (changed || modeBack(mode) !== mode) await rewrite(step, new AbortController().signal, modeBack, back)
  // A document that we made, and that nobody else has written to, goes again.
  if (step.created && !left && (rest === undefined || (isObject(rest) && Object.keys(rest).length === 0))) unlinkSync(step.path)
  return left ? 'left' : 'done'
}

/** Whether our keys are in the document now as they were wanted. */
export async function editHolds(step: Pick<EditStep, 'path' | 'edits'>, { kept, documents }: Desk): Promise<boolean> {
  if (statOf(step.path) === null) return false
  const { as, edits } = listOf(step, kept)
  return holds(edits, await documents.read(as, readLive(step.path).toString(), step.path))
}

/** The edits of a step. Throws `stuck` when they cannot be read any more. */
export function listOf({ edits }: Pick<EditStep, 'edits'>, kept: Kept): EditList {
  const list = decodeEdits(kept.read(edits).toString())
  if (list === null) throw new GitopsError('stuck', `the kept copy ${kept.place(edits)} is no list of edits`)
  return list
}

/**
 * Read, change, write beside, and rename only if nobody wrote in between: otherwise all of it again. What a document becomes is worked out before
 * its lock is taken, for an application waits for that; under the lock only where that is soon done, or the document is always written to.
 */
async function rewrite(step: EditStep, signal: AbortSignal, modeAfter: ModeAfter, change: Changing): Promise<void> {
  const draft = drafting(change)
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    // What is wrong with it counts only once nobody else may be writing.
    const begun = performance.now()
    if (step.lock !== null && statOf(step.path)?.isFile() === true) await draft.of(readLive(step.path).toString()).catch(() => null)
    const last = step.lock === null || attempt === ATTEMPTS || performance.now() - begun < UNNOTICED
    if (await withAppLock(step.path, step.lock, signal, (held) => rewriteNow(step, held, modeAfter, draft, last))) return
  }
}

type ModeAfter = (before: number) => number
type Changing = (text: string) => Promise<string>

/** What a text becomes, worked out once for each text. */
interface Draft {
  readonly of: Changing
  readonly isOf: (text: string) => boolean
}

function drafting(change: Changing): Draft {
  let known: { readonly text: string; readonly next: Promise<string> } | null = null
  return {
    isOf: (text) => known?.text === text,
    of(text) {
      if (known?.text !== text) known = { text, next: change(text) }
      return known.next
    },
  }
}

/** False when the document is another than the one that was worked out before the lock was taken, and there is time to do that once more. */
async function rewriteNow(step: EditStep, held: Held, modeAfter: ModeAfter, draft: Draft, last: boolean): Promise<boolean> {
  let late: Late | null = null
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = statOf(step.path)
    if (before !== null && !before.isFile()) throw new GitopsError('conflict', `${step.path} is not a file`, { hint: 'Move it away.' })
    const text: string = before === null ? '' : (lateText(late, before) ?? readLive(step.path).toString())
    if (!last && before !== null && !draft.isOf(text)) return false
    const next = await draft.of(text)
    const mode = before === null ? step.mode : modeAfter(before.mode & 0o7777)
    if (next === text && before !== null && (before.mode & 0o7777) === mode) return true
    writeBeside(step.temp, next, mode)
    const put = held.ours() && (before === null ? create(step.temp, step.path, 'file') : placed(step, before, text))
    if (put === true) return true
    if (put === false) unlinkSync(step.temp)
    else late = put
    if (!held.ours()) break
  }
  throw new GitopsError('contested', `${step.path} is being written by something else all the time`, {
    hint: 'Nothing is lost; the next run tries again.',
  })
}

/** What somebody has written into a document at the very moment at which ours took its place, and how ours looks. */
interface Late {
  readonly text: string
  readonly ours: Stat
}

/** Unless somebody has written once more since. */
function lateText(late: Late | null, now: Stats): string | null {
  return late !== null && sameStat(late.ours, fingerprint(now)) ? late.text : null
}

/** Renames, unless somebody wrote since `before`. The old file stays open for a last look at what is in it. */
function placed({ path, temp }: EditStep, before: Stats, text: string): Late | boolean {
  if (statOf(path) === null) return false
  const old = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    const now = statOf(path)
    if (now === null || !sameStat(fingerprint(now), fingerprint(before))) return false
    renameSync(temp, path)
    if (sameWrite(fstatSync(old), before)) return true
    const late = readFileSync(old, 'utf8')
    const ours = statOf(path)
    return late === text || ours === null ? true : { text: late, ours: fingerprint(ours) }
  } finally {
    closeSync(old)
  }
}

function writeBeside(temp: string, text: string, mode: number): void {
  const file = openSync(temp, 'wx', 0o600)
  try {
    fchmodSync(file, mode)
    writeAll(file, Buffer.from(text))
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, unlinkSync } from 'node:fs'
import { doubledKeys, editJson, parseJson } from '../documents/json.ts'
import { holds, takeBackEdits, type Edit } from '../model/edits.ts'
import { GitopsError } from '../model/errors.ts'
import { readJson } from '../model/json.ts'
import type { Step } from '../model/steps.ts'
import { withAppLock, type Held } from './app-lock.ts'
import type { Kept } from './kept.ts'
import { fingerprint, readLive, sameStat, statOf } from './live.ts'
import { writeAll } from './write.ts'

type EditStep = Extract<Step, { kind: 'edit' }>

/** How often a document that an application replaces under our hands is read again. */
const ATTEMPTS = 5

/** Sets and removes our keys in a document as it is at this moment; nothing else in it changes. Throws `contested`, or `conflict` when it does not parse. */
export async function performEdit(step: EditStep, kept: Kept, signal: AbortSignal): Promise<void> {
  const edits = listOf(step, kept)
  await rewrite(step, signal, async (text) => {
    const [twice] = (await doubledKeys(text, edits)).values()
    if (twice !== undefined) throw new GitopsError('conflict', `${step.path} ${DOUBLED(twice)}`)
    return editJson(text, edits)
  })
}

/** Why a document cannot be edited that has a key twice, without its name. */
export const DOUBLED = (key: string): string => `has the key ${JSON.stringify(key)} twice; take one of the two out`

/** Takes our keys back, in the document as it is now. Returns whether some were left because somebody has changed them since. */
export async function undoEdit(step: EditStep, kept: Kept): Promise<'left' | 'done'> {
  if (statOf(step.path) === null) return 'done'
  const edits = listOf(step, kept)
  let left = false
  const back = async (text: string): Promise<string> => {
    const doubled = await doubledKeys(text, edits)
    const clear = edits.filter((edit) => !doubled.has(edit))
    const back = takeBackEdits(clear, parseJson(text, step.path))
    left = back.left.length > 0 || doubled.size > 0
    return back.edits.length === 0 ? text : editJson(text, back.edits)
  }
  // What we never came to write needs no lock, which may be why we did not.
  const text = readLive(step.path).toString()
  // What is taken back is not given up for an interruption.
  if ((await back(text)) !== text) await rewrite(step, new AbortController().signal, back)
  const rest = parseJson(readLive(step.path).toString(), step.path)
  // A document that we made, and that nobody else has written to, goes again.
  if (step.created && !left && (rest === undefined || JSON.stringify(rest) === '{}')) unlinkSync(step.path)
  return left ? 'left' : 'done'
}

/** Whether our keys are in the document now as they were wanted. */
export function editHolds(step: { readonly path: EditStep['path']; readonly edits: EditStep['edits'] }, kept: Kept): boolean {
  if (statOf(step.path) === null) return false
  return holds(listOf(step, kept), parseJson(readLive(step.path).toString(), step.path))
}

function listOf(step: Pick<EditStep, 'edits'>, kept: Kept): Edit[] {
  return readJson(kept.read(step.edits).toString()) as unknown as Edit[]
}

/** Read, change, write beside, and rename only if nobody wrote in between: otherwise all of it again. */
function rewrite(step: EditStep, signal: AbortSignal, change: (text: string) => Promise<string>): Promise<void> {
  return withAppLock(step.path, step.lock, signal, (held) => rewriteNow(step, held, change))
}

async function rewriteNow(step: EditStep, held: Held, change: (text: string) => Promise<string>): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const before = statOf(step.path)
    if (before !== null && !before.isFile()) throw new GitopsError('conflict', `${step.path} is not a file`, { hint: 'Move it away.' })
    const text = before === null ? '' : readLive(step.path).toString()
    parseJson(text, step.path)
    const next = await change(text)
    const mode = before === null ? step.mode : before.mode & 0o700
    if (next === text && before !== null && (before.mode & 0o7777) === mode) return
    writeBeside(step.temp, next, mode)
    const now = statOf(step.path)
    const same = now === null ? before === null : before !== null && sameStat(fingerprint(now), fingerprint(before))
    if (same && held.ours()) return renameSync(step.temp, step.path)
    unlinkSync(step.temp)
    if (!held.ours()) break
  }
  throw new GitopsError('contested', `${step.path} is being written by something else all the time`, {
    hint: 'Nothing is lost; the next run tries again.',
  })
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

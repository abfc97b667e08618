import { linkSync, readlinkSync, renameSync, symlinkSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AbsPath } from '../model/path.ts'
import type { KeptCopy } from '../model/state.ts'
import { sameContent, sameNode } from '../model/steps.ts'
import type { Node } from '../model/tree.ts'
import { shortHash } from './hash.ts'
import type { Kept } from './kept.ts'
import { readLive, sameWrite, statOf, type Stats } from './live.ts'
import { isSecret, lookAgain, type PutOrRemove } from './place.ts'

/**
 * Puts a new file in the place of what is there, in one step: a reader never finds nothing. What was there has a second name meanwhile, by
 * which it is looked at once more: an edit at the last moment is not lost. False when it is not what was `expected`; then, and after
 * a kill, `settleAside` knows what to do.
 */
export function overwrite(step: PutOrRemove, temp: string, expected: Node, kept: Kept): boolean {
  const aside = asideOf(step.path)
  // Nobody writes into a link; and not every file system has second names.
  const named = expected.kind === 'file' && statOf(step.path) !== null && linked(step.path, aside)
  if (named === 'taken') return false
  const seen = named ? statOf(aside) : null
  if (!isNode(lookAgain(step, kept, named ? aside : step.path), expected)) return false
  if (seen !== null && !sameFile(statOf(step.path), seen)) return false
  renameSync(temp, step.path)
  if (seen === null) return true
  if (!isUntouched(aside, seen) && !isNode(lookAgain(step, kept, aside), expected)) return false
  unlinkSync(aside)
  return true
}

/** Removes what is at a path: under another name first, by which it is looked at once more. False as `overwrite`. */
export function takeAway(step: PutOrRemove, expected: Node, kept: Kept): boolean {
  const aside = asideOf(step.path)
  const seen = statOf(step.path)
  if (seen === null || statOf(aside) !== null || !isNode(lookAgain(step, kept), expected)) return false
  renameSync(step.path, aside)
  if (!isUntouched(aside, seen) && !isNode(lookAgain(step, kept, aside), expected)) return false
  unlinkSync(aside)
  return true
}

/** Puts a file or link where there is nothing. False when somebody was faster. */
export function create(temp: string, path: AbsPath, kind: Node['kind']): boolean {
  // Neither ever replaces, as a rename would.
  const made = kind === 'file' ? linked(temp, path) : symlinked(temp, path)
  if (made === 'taken') return false
  if (made) unlinkSync(temp)
  else renameSync(temp, path)
  return true
}

/**
 * Ends what `overwrite` or `takeAway` has begun: what somebody wrote at the last moment is in its place again, or, where somebody has written
 * there once more since, a copy of it is kept, which is returned.
 */
export function settleAside(step: PutOrRemove, kept: Kept): KeptCopy[] {
  const aside = asideOf(step.path)
  const [held, now] = [statOf(aside), statOf(step.path)]
  if (held === null) return []
  if (now === null) renameSync(aside, step.path)
  else if (sameFile(now, held) || isKnown(step, lookAgain(step, kept, aside))) unlinkSync(aside)
  else if (isKnown(step, lookAgain(step, kept))) renameSync(aside, step.path)
  else {
    const copy = isSecret(step) ? kept.keepSecret(readLive(aside), step.path) : kept.keep(readLive(aside))
    unlinkSync(aside)
    return [{ path: step.path, copy }]
  }
  return []
}

/** One name a path, so that whoever comes after a kill finds it; short, for the path's own name may be as long as names can be. */
function asideOf(path: AbsPath): AbsPath {
  return join(dirname(path), `.gitops-old-${shortHash(path)}.tmp`) as AbsPath
}

function linked(path: string, name: string): boolean | 'taken' {
  try {
    linkSync(path, name)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return 'taken'
    if (code === 'EPERM' || code === 'ENOTSUP' || code === 'EMLINK' || code === 'ENOSYS') return false
    throw error
  }
}

function symlinked(temp: string, path: string): boolean | 'taken' {
  try {
    symlinkSync(readlinkSync(temp, { encoding: 'buffer' }), path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return 'taken'
    throw error
  }
}

function isNode(now: Node | null | 'other', expected: Node): boolean {
  return now !== 'other' && sameNode(now, expected)
}

/** Whether it is what was there before us, or ours. */
function isKnown(step: PutOrRemove, node: Node | null | 'other'): boolean {
  if (node === 'other') return false
  return sameNode(node, step.before) || (step.kind === 'put' && sameContent(node, step.after))
}

function sameFile(a: Stats | null, b: Stats): boolean {
  return a !== null && a.ino === b.ino && a.dev === b.dev
}

function isUntouched(aside: AbsPath, seen: Stats): boolean {
  const now = statOf(aside)
  return now !== null && sameFile(now, seen) && now.mode === seen.mode && sameWrite(now, seen)
}

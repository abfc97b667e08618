import { chmodSync, closeSync, fchmodSync, fchownSync, fsyncSync, mkdirSync, openSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { isKeyed, type AbsPath } from '../model/path.ts'
import type { Step } from '../model/steps.ts'
import type { Node } from '../model/tree.ts'
import type { Kept } from './kept.ts'
import { look, readLive, statOf } from './live.ts'
import { syncDirectory, writeAll } from './write.ts'

/** A step that changes one file or link. */
export type PutOrRemove = Extract<Step, { kind: 'put' | 'remove' }>

/** What is at a step's path now, or at another name of what was there, digested as the step's own nodes are. */
export function lookAgain(step: PutOrRemove, kept: Kept, at = step.path): Node | null | 'other' {
  return isSecret(step) ? look(at, () => kept.fingerprint(readLive(at), step.path)) : look(at)
}

/** Whether what a step writes, or what it replaces, is named by a fingerprint. */
export function isSecret(step: PutOrRemove): boolean {
  return [step.before, step.kind === 'put' ? step.after : null].some((node) => node !== null && isKeyed(node.digest))
}

/** Mode before content, so that nothing is readable for a moment longer than it should be. */
export function writeTemp(temp: AbsPath | string, bytes: Buffer, node: Node, place: string): void {
  if (node.kind === 'link') return symlinkSync(bytes, temp)
  const file = openSync(temp, 'wx', 0o600)
  try {
    const old = statOf(place)
    const owner = node.owner ?? (old?.isFile() === true ? old : null)
    // Nobody else may give a file away.
    if (process.getuid?.() === 0 && owner !== null) fchownSync(file, owner.uid, owner.gid)
    fchmodSync(file, node.mode)
    writeAll(file, bytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Makes a directory; one that is there already will do. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || statOf(path)?.isDirectory() !== true) throw error
  }
}

/** Makes a directory with the permission bits that it had. */
export function restoreDirectory(path: string, mode: number): void {
  makeDirectory(path)
  if (((statOf(path)?.mode ?? mode) & 0o7777) !== mode) chmodSync(path, mode)
}

/** Removes a directory if it is there and empty; an application's files in it keep it. */
export function removeDirectory(path: string): void {
  if (statOf(path) === null) return
  try {
    rmdirSync(path)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** Looks first: a read-only disk refuses to remove even what is not there. */
export function removeIfThere(path: string): void {
  if (statOf(path) === null) return
  try {
    unlinkSync(path)
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** Makes the names that steps have made or removed durable. */
export function syncDirectories(steps: readonly Step[]): void {
  for (const directory of new Set(steps.map((step) => dirname(step.path)))) {
    if (statOf(directory)?.isDirectory() === true) syncDirectory(directory)
  }
}

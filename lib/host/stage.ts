import { chmodSync, existsSync, lstatSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { absPath, type AbsPath } from '../model/path.ts'
import { shortHash } from './hash.ts'

/** One file or link of a candidate tree, ready to be written into the stage. */
export interface Staged {
  readonly path: string
  readonly bytes: Buffer
  readonly link: boolean
  readonly mode: number
}

/** The private directory where a check sees the candidate: one name a state directory, in memory where the system offers that. */
export function stageDirectory(state: AbsPath): AbsPath {
  const [base] = memoryDirectories()
  if (base === undefined) return absPath(join(state, 'stage'))
  return absPath(join(base, base === SHARED ? `gitops-${process.getuid?.() ?? 0}-${shortHash(state)}` : `gitops-${shortHash(state)}`))
}

/** Every user's files are in this one. */
const SHARED = '/dev/shm'

/** The directories that are kept in memory: this user's own, everybody's. */
export function memoryDirectories(): readonly string[] {
  const runtime = process.env['XDG_RUNTIME_DIR']
  const own = runtime !== undefined && isAbsolute(runtime) && ownDirectory(runtime) ? [runtime] : []
  return existsSync(SHARED) ? [...own, SHARED] : own
}

/** Makes the stage anew and fills it. */
export async function makeStage(directory: AbsPath, files: AsyncIterable<Staged>): Promise<void> {
  removeStage(directory)
  // Not recursive: a directory or a link that a stranger put there first makes this fail.
  mkdirSync(directory, { mode: 0o700 })
  for await (const file of files) {
    const path = join(directory, file.path)
    mkdirSync(dirname(path), { recursive: true })
    if (file.link) symlinkSync(file.bytes.toString(), path)
    else {
      writeFileSync(path, file.bytes, { mode: 0o600, flag: 'wx' })
      chmodSync(path, file.mode)
    }
  }
}

/** Removes the stage, also one that a killed run left behind. A directory that is not ours is left alone. */
export function removeStage(directory: AbsPath): void {
  if (ownDirectory(directory)) rmSync(directory, { recursive: true, force: true })
}

/** Whether it is a directory, not a link to one, and this user's. */
export function ownDirectory(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  return stat !== undefined && stat.isDirectory() && (process.getuid === undefined || stat.uid === process.getuid())
}

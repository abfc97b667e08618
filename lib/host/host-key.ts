import { existsSync, linkSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { AbsPath } from '../model/path.ts'
import { hostKey, newHostKey, type HostKey } from '../secrets/seal.ts'
import { writeAtomic } from './write.ts'

/** The key of this host. Throws `io` when there is none, or the file is not a key. */
export function readHostKey(path: AbsPath): HostKey {
  if (!existsSync(path))
    throw new GitopsError('io', `the host key ${path} is gone`, { hint: 'What was sealed with it cannot be opened any more.' })
  return hostKey(readFileSync(path))
}

/** The key of this host; made, 0600, when there is none. Throws `io` when the file is not a key. */
export function loadHostKey(path: AbsPath): HostKey {
  if (!existsSync(path)) makeKey(path)
  return readHostKey(path)
}

/** The key of this host, or for as long as this process lives a new one: looking around makes no file. Throws `io` when the file is not a key. */
export function hostKeyForReading(path: AbsPath): HostKey {
  return existsSync(path) ? readHostKey(path) : newHostKey()
}

/** A key that another process made a moment ago is never replaced: what it has sealed must open. */
function makeKey(path: AbsPath): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const mine = `${path}.${process.pid}`
  writeAtomic(mine, newHostKey().bytes())
  try {
    linkSync(mine, path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(mine, { force: true })
  }
}

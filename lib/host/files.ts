import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { GitopsError } from '../model/errors.ts'
import type { Files } from '../plugins/contract.ts'

/** The files of this machine as a plug-in may look at them. */
export const FILES: Files = {
  kind(path) {
    const stat = statSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return null
    if (stat.isDirectory()) return 'directory'
    if (!stat.isFile()) return 'other'
    return (stat.mode & 0o111) !== 0 && mayRun(path) ? 'executable' : 'file'
  },
  text(path) {
    try {
      return readFileSync(path, 'utf8')
    } catch (cause) {
      throw new GitopsError('io', `${path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`, { cause })
    }
  },
  below(directory) {
    if (FILES.kind(directory) !== 'directory') return []
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
      .toSorted()
  },
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

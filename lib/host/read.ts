import { readFileSync } from 'node:fs'
import { GitopsError } from '../model/errors.ts'

/** The bytes of a file of our own state. Throws `io` when something else stands there, or it is not ours to read. */
export function readOwn(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    throw new GitopsError('io', `${path} cannot be read: ${code === 'EISDIR' ? 'it is a directory' : message}`, {
      hint: 'It is a file of ours: move away what stands there, or mend its permissions.',
      cause,
    })
  }
}

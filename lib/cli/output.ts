import { fstatSync } from 'node:fs'
import { writeAll } from '../host/write.ts'
import { GitopsError } from '../model/errors.ts'

let failure: Error | null = null
let isFile: boolean | undefined

/** Prints on standard output. What cannot be written is remembered, and told at the end: a run that is under way is not given up for it. */
export function put(content: string | Uint8Array): void {
  // Behind a gap nothing is worth reading.
  if (failure !== null) return
  isFile ??= goesToFile()
  if (!isFile) {
    process.stdout.write(content, note)
    return
  }
  try {
    // Node's own stream takes the first part of a file that is then full for all of it.
    writeAll(1, Buffer.from(content))
  } catch (error) {
    note(error as Error)
  }
}

/** From here on a standard stream that cannot be written ends nothing by itself. */
export function watchOutput(): void {
  process.stdout.on('error', note)
  // Whoever does not hear us cannot be told so.
  process.stderr.on('error', () => {})
}

/** Waits until everything is written. What kept some of it from that, or null; a reader that has gone had all that it wanted. */
export async function lostOutput(): Promise<GitopsError | null> {
  await new Promise<void>((done) => process.stdout.write('', () => done()))
  const code = failure === null ? null : ((failure as NodeJS.ErrnoException).code ?? failure.message)
  if (code === null || code === 'EPIPE') return null
  return new GitopsError('io', `standard output cannot be written: ${code}`, {
    hint: 'What was printed is not complete. See that there is room where it goes.',
    ...(failure !== null && { cause: failure }),
  })
}

function note(error: Error | null | undefined): void {
  failure ??= error ?? null
}

function goesToFile(): boolean {
  try {
    const stat = fstatSync(1)
    return stat.isFile() || stat.isBlockDevice() || (stat.isCharacterDevice() && !process.stdout.isTTY)
  } catch {
    return false
  }
}

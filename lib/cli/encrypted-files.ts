import { Option } from 'commander'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { asking } from '../host/ask.ts'
import { findIdentities } from '../host/identities.ts'
import { machine } from '../host/machine.ts'
import { replaceFile } from '../host/replace.ts'
import { GitopsError } from '../model/errors.ts'
import type { AgeIdentity } from '../secrets/age.ts'
import { fault, faultKind, inFile, sopsExitCode } from '../secrets/fault.ts'
import { SOPS_FORMATS } from '../secrets/sops/file-format.ts'
import { complain } from './messages.ts'
import { put } from './output.ts'

/** Where the results of a command go: without either, to standard output. */
export interface Destination {
  readonly inPlace?: boolean
  readonly output?: string
}

/** The options of `Destination`. */
export const destinationOptions: readonly Option[] = [
  new Option('-i, --in-place', 'replace each file by the result'),
  new Option('-o, --output <file>', 'where the result goes, for a single FILE. Otherwise standard output'),
]

/** The format of the files, where it is not to be found out by looking. */
export const inputTypeOption = new Option('--input-type <format>', 'the format of the files; otherwise found out by looking').choices(
  SOPS_FORMATS,
)

/** The format of the plaintext, where it is not the one of the file. */
export const outputTypeOption = new Option('--output-type <format>', 'the format of what comes out; otherwise the one of the file').choices(
  SOPS_FORMATS,
)

/** A file that a command works on. */
export interface InputFile {
  /** Absolute, or `standard input`; stands in messages. */
  readonly name: string
  /** Null for standard input. */
  readonly path: string | null
  readonly bytes: Buffer
}

/** What a result is: a plaintext gets a file that only its owner reads. */
type Content = 'plaintext' | 'ciphertext'

/**
 * Does some work on each file and delivers what it gives: bytes, or null when there is nothing to write. A file that fails
 * gets its sentence on standard error and does not keep the others; `-` is standard input. Returns the exit code, sops' own
 * where it has one, of the first failure.
 */
export async function eachFile(
  names: readonly string[],
  to: Destination & { readonly content: Content },
  work: (file: InputFile) => Promise<Uint8Array | null>,
): Promise<number> {
  return withExitCode(async () => {
    refuseConflicts(names, to)
    let first = 0
    for (const name of names) {
      const code = await withExitCode(() =>
        withFile(name, async (file) => {
          const result = await work(file)
          if (result !== null) deliver(file, Buffer.from(result), to)
          return 0
        }),
      )
      first ||= code
    }
    return first
  })
}

/** Runs a command's work; its error becomes a sentence on standard error and an exit code, sops' own where it has one. */
export async function withExitCode(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    const code = complain(error as Error)
    return sopsExitCode(error) ?? code
  }
}

/** A file's content, or what comes on standard input for `-`. Throws `usage` when it is not there. */
async function readInput(name: string): Promise<InputFile> {
  if (name === '-') return { name: 'standard input', path: null, bytes: await readStandardInput() }
  const path = resolve(machine().cwd, name)
  try {
    return { name: path, path, bytes: readFileSync(path) }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') throw fault('no-file', `${path} is not there`, { hint: 'Name a file that is.', cause })
    throw new GitopsError('io', `${path} cannot be read: ${code === 'EISDIR' ? 'it is a directory' : (code ?? 'error')}`, {
      hint: 'Name a file that you may read.',
      cause,
    })
  }
}

/** All that comes on standard input. */
export async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Buffer))
  return Buffer.concat(chunks)
}

/** Puts a result where the options say. A file is replaced only while it holds what was read from it. */
function deliver(file: InputFile, bytes: Buffer, { inPlace, output, content }: Destination & { readonly content: Content }): void {
  const mode = content === 'plaintext' ? 0o600 : 0o666 & ~machine().umask
  if (inPlace === true && file.path !== null) replaceFile(file.path, bytes, { mode, expected: file.bytes })
  else if (output !== undefined && output !== '-' && output !== '/dev/stdout') replaceFile(resolve(machine().cwd, output), bytes, { mode })
  else put(bytes)
}

const found = new Map<string, Promise<readonly AgeIdentity[]>>()

/** The identities of whoever runs this, looked for once: where sops looks, and in the files that a config names. */
export function myIdentities(files: readonly string[] = []): Promise<readonly AgeIdentity[]> {
  const name = files.join('\0')
  const known = found.get(name) ?? findIdentities(machine(), { files, ask: asking(machine()) })
  found.set(name, known)
  return known
}

/** Reads a file and does some work on it; faults of its content, which do not know its name, get it. */
export async function withFile<T>(name: string, work: (file: InputFile) => Promise<T>): Promise<T> {
  const file = await readInput(name)
  try {
    return await work(file)
  } catch (error) {
    const kind = faultKind(error)
    throw kind !== null && error instanceof GitopsError && kind !== 'identity' ? inFile(file.name, error) : error
  }
}

function refuseConflicts(names: readonly string[], { inPlace, output }: Destination): void {
  const why =
    inPlace === true && output !== undefined
      ? '--in-place and --output exclude each other'
      : output !== undefined && names.length > 1
        ? '--output takes the result of one file, and there are several'
        : inPlace === true && names.includes('-')
          ? 'standard input cannot be replaced in place'
          : names.filter((name) => name === '-').length > 1
            ? 'standard input can be read only once'
            : null
  if (why !== null) throw fault('conflicting', why, { hint: '`gitops <command> --help` tells what the options do.' })
}

import { GitopsError, type ErrorCode } from '../model/errors.ts'

/**
 * What was wrong with an encrypted file, or with reading it.
 *
 * - `empty`, `not-sops`, `syntax`, `metadata`: it is not a SOPS file that can be read
 * - `no-key`: none of the identities opens it
 * - `value`: an encrypted value was changed, or stands in clear where it should be encrypted
 * - `mac`: values were changed, moved or dropped, though each one decrypts
 * - `already`: it is encrypted already
 * - `recipient`, `identity`: a key is written wrongly, or of a kind that is not supported
 * - `plaintext`: the document to encrypt cannot be expressed in the format
 * - `shape`: the document cannot be expressed in the output format
 * - `unsupported`: a feature of SOPS that is not supported here
 * - `no-rule`, `in-clear`: no rule says how to encrypt it, or one that encrypts nothing in it
 * - `no-file`, `conflicting`: a command names a file that is not there, or options that exclude each other
 * - `unchanged`, `no-editor`: a person left a file as it was, or there is nothing to edit it with
 * - `bad-path`, `no-path`: a place in a document is written wrongly, or there is nothing
 */
export type FaultKind =
  | 'empty'
  | 'not-sops'
  | 'syntax'
  | 'metadata'
  | 'no-key'
  | 'value'
  | 'mac'
  | 'already'
  | 'recipient'
  | 'identity'
  | 'plaintext'
  | 'shape'
  | 'unsupported'
  | 'no-rule'
  | 'in-clear'
  | 'no-file'
  | 'conflicting'
  | 'unchanged'
  | 'no-editor'
  | 'bad-path'
  | 'no-path'

const CODES: Readonly<Record<FaultKind, readonly [code: ErrorCode, sopsExit: number]>> = {
  empty: ['invalid', 1],
  'not-sops': ['invalid', 1],
  syntax: ['invalid', 1],
  metadata: ['invalid', 1],
  'no-key': ['environment', 128],
  value: ['invalid', 25],
  mac: ['invalid', 51],
  already: ['invalid', 203],
  recipient: ['config', 1],
  identity: ['environment', 1],
  plaintext: ['invalid', 23],
  shape: ['invalid', 4],
  unsupported: ['environment', 1],
  'no-rule': ['config', 1],
  'in-clear': ['invalid', 1],
  'no-file': ['usage', 100],
  conflicting: ['usage', 8],
  unchanged: ['invalid', 200],
  'no-editor': ['environment', 201],
  'bad-path': ['usage', 91],
  'no-path': ['usage', 1],
}

/** The cause of every `GitopsError` of this room: which fault it is. */
class FaultError extends Error {
  override readonly name = 'FaultError'
  readonly kind: FaultKind
  /** The message names its file already. */
  readonly named: boolean

  constructor(kind: FaultKind, cause: unknown, named = false) {
    super(kind, cause === undefined ? {} : { cause })
    this.kind = kind
    this.named = named
  }
}

/** A `GitopsError` whose message is a sentence's second half: the caller puts the file's name before it with `inFile`. */
export function fault(kind: FaultKind, message: string, options: { hint?: string; cause?: unknown } = {}): GitopsError {
  return new GitopsError(CODES[kind][0], message, {
    ...(options.hint === undefined ? {} : { hint: options.hint }),
    cause: new FaultError(kind, options.cause),
  })
}

/** The same error with the file's name before its message; one that names its file already stays as it is. */
export function inFile(file: string, error: GitopsError): GitopsError {
  const { cause } = error
  if (cause instanceof FaultError && cause.named) return error
  const named = cause instanceof FaultError ? new FaultError(cause.kind, cause.cause, true) : cause
  return new GitopsError(error.code, `${file} ${error.message}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(named === undefined ? {} : { cause: named }),
  })
}

/** Which fault an error of this room is, or null for any other error. */
export function faultKind(error: unknown): FaultKind | null {
  return error instanceof GitopsError && error.cause instanceof FaultError ? error.cause.kind : null
}

/** The exit code that `sops` itself uses for this fault, or null for an error of another room. */
export function sopsExitCode(error: unknown): number | null {
  const kind = faultKind(error)
  return kind === null ? null : CODES[kind][1]
}

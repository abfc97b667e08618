/**
 * What kind of thing went wrong; it decides the outcome and the exit code.
 *
 * - `usage`, `config`: known before any pull, exit 2
 * - `unreachable`, `no-such-ref`, `no-such-path`, `git`, `io`, `locked`, `environment`: failed, the machine is as it was, exit 1
 * - `hostile`, `conflict`, `shrink`, `invalid`, `held`, `backing-off`, `suspended`: refused, exit 5
 * - `contested`: an application wrote at the same moment; taken back, exit 1
 * - `verify`, `check`: something was written and is taken back, exit 6
 * - `interrupted`: a signal came, exit 130 or 143
 * - `stuck`: a person is needed, exit 4
 */
export type ErrorCode =
  | 'usage'
  | 'config'
  | 'unreachable'
  | 'no-such-ref'
  | 'no-such-path'
  | 'git'
  | 'io'
  | 'locked'
  | 'environment'
  | 'hostile'
  | 'conflict'
  | 'shrink'
  | 'invalid'
  | 'held'
  | 'backing-off'
  | 'suspended'
  | 'contested'
  | 'verify'
  | 'check'
  | 'interrupted'
  | 'stuck'

/** An expected failure: what happened and where (`message`), what to do (`hint`). */
export class GitopsError extends Error {
  override readonly name = 'GitopsError'
  readonly code: ErrorCode
  readonly hint: string | undefined
  /** The paths that are to blame, where they are known: live ones, or as far as nobody knows where they go, those in a target. */
  readonly paths: readonly string[]

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown; paths?: readonly string[] } = {}) {
    super(printable(message), options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.paths = options.paths ?? []
    this.hint = options.hint === undefined ? undefined : printable(options.hint)
  }
}

/** The error as a `GitopsError`; anything else keeps its own message under `code`. */
export function asGitopsError(error: unknown, code: ErrorCode = 'io'): GitopsError {
  if (error instanceof GitopsError) return error
  return new GitopsError(code, error instanceof Error ? error.message : String(error), { cause: error })
}

/** The same error about live paths: `place` says where what it names goes. Anything that names none is as it was. */
export function placed(error: unknown, place: (path: string) => string): unknown {
  if (!(error instanceof GitopsError) || error.paths.length === 0) return error
  const { code, message, hint, paths } = error
  return new GitopsError(code, message, { cause: error, paths: paths.map(place), ...(hint !== undefined && { hint }) })
}

/** One sentence after another on its line, or below it where the first ends with what a command printed. */
export function followed(message: string, next: string): string {
  return message.includes('\n') ? `${message}\n${next}` : `${message.replace(/\.$/, '')}. ${next}`
}

/** The sentence for a person: the message, and the hint after it where there is one. */
export function sentence(error: GitopsError): string {
  return error.hint === undefined ? error.message : `${error.message}\n${error.hint}`
}

/** Longer sentences, in characters, are not said twice. */
const LONG = 240

/** The error by its first sentence, where all of it is too long for a line that is followed by the whole. */
export function brief(error: GitopsError): GitopsError {
  const end = error.message.indexOf('. ')
  if (error.message.length <= LONG || end === -1 || error.message.includes('\n')) return error
  return new GitopsError(error.code, error.message.slice(0, end), { cause: error })
}

// oxlint-disable-next-line no-control-regex -- those are what is looked for; tab and line feed stay
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g

/** Text that is safe on a terminal: control characters and those that reorder text are shown by their code. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

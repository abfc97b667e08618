import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const SOURCE = resolve(import.meta.dirname, '../oracle')
const CACHE = resolve(import.meta.dirname, '../../node_modules/.cache/oracle')
/** Milliseconds; long enough for a slow machine that compiles everything. */
export const BUILD_TIME = 15 * 60_000

/** What a Go program ends with that crashes. */
const CRASHED = 2

/** The formats of SOPS, by its own names. */
export type OracleFormat = 'json' | 'yaml' | 'dotenv' | 'ini' | 'binary'

/** A question to the real SOPS. */
export interface Question {
  readonly op: 'decrypt' | 'encrypt' | 'load' | 'version'
  readonly format?: OracleFormat
  /** The format of the answer, if it is another one. */
  readonly output?: OracleFormat
  readonly bytes?: Uint8Array
  /** The text of the identities that it may use. */
  readonly identity?: string
  /** Recipients with commas; or groups of them, with how many are needed. */
  readonly age?: string
  readonly groups?: readonly string[]
  readonly threshold?: number
  /** The name of a rule as it stands in a file, and its value. */
  readonly rule?: string
  readonly value?: string
  readonly macOnlyEncrypted?: boolean
}

/** What a tree holds: `['map', ['item', key, value]…]`, `['list', value…]`, `['comment', text]`, `['int', digits]` and so on. */
export type Told = readonly [kind: string, ...rest: (Told | string)[]]

/** What the real SOPS did. */
export interface Answer {
  /** The exit code of its command line; 2 for a crash. */
  readonly code: number
  readonly error?: string
  readonly bytes: Buffer
  /** The documents as it has them in memory, types and comments included; for `decrypt` and `load`. */
  readonly tree?: readonly Told[]
}

/** The real SOPS in a process that answers. */
export interface Oracle {
  ask(question: Question): Promise<Answer>
  end(): void
}

/** Where the program is, or why it cannot be asked. */
export interface Build {
  readonly program: string | null
  readonly reason: string
}

/**
 * The program in `test/oracle`, built if it is not; or a sentence why it cannot be asked. Without `download` only what
 * Go already has on this machine is used, so that a plain test run fetches nothing.
 */
export function buildOracle(download = false): Build {
  const given = process.env['GITOPS_ORACLE']
  if (given !== undefined) return existsSync(given) ? there(given) : missing(`GITOPS_ORACLE names ${given}, which is not there`)
  const hash = createHash('sha256')
  for (const name of readdirSync(SOURCE).toSorted()) hash.update(readFileSync(join(SOURCE, name)))
  const program = join(CACHE, `oracle-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return there(program)
  if (spawnSync('go', ['version']).status !== 0)
    return missing('there is no Go here to build the program in test/oracle, which asks the sops library')
  mkdirSync(CACHE, { recursive: true })
  const env = { ...process.env, ...(download ? {} : { GOPROXY: 'off' }), GOFLAGS: '-mod=readonly -buildvcs=false' }
  const built = spawnSync('go', ['build', '-o', `${program}.${process.pid}`, '.'], {
    cwd: SOURCE,
    env,
    encoding: 'utf8',
    timeout: BUILD_TIME,
  })
  if (built.status === 0) {
    renameSync(`${program}.${process.pid}`, program)
    return there(program)
  }
  const why = download ? built.stderr.trim().split('\n').at(-1) : 'its modules were not fetched yet; `npm run test:interop` fetches them'
  return missing(`the program in test/oracle could not be built: ${why}`)
}

const there = (program: string): Build => ({ program, reason: '' })
const missing = (reason: string): Build => ({ program: null, reason })

/**
 * Starts the program, and again whenever a question makes SOPS crash: the answer to that one has code 2. Questions may
 * be asked without waiting for the answer of the one before.
 */
export function startOracle({ program, reason }: Build, home: string): Oracle {
  if (program === null) throw new Error(reason)
  const waiting: { readonly line: string; readonly resolve: (answer: Answer) => void }[] = []
  let ended = false
  let child = start()
  function start(): ReturnType<typeof spawned> {
    const started = spawned(program ?? '', home)
    createInterface({ input: started.stdout }).on('line', (line) => {
      const { bytes, ...rest } = JSON.parse(line) as Answer & { bytes: string | null }
      waiting.shift()?.resolve({ ...rest, bytes: Buffer.from(bytes ?? '', 'base64') })
    })
    // Not `exit`: an answer may still be on its way then.
    started.on('close', (code) => {
      if (ended) return
      waiting.shift()?.resolve({ code: code ?? CRASHED, error: 'crashed', bytes: Buffer.alloc(0) })
      child = start()
      for (const { line } of waiting) child.stdin.write(line)
    })
    started.stdin.on('error', () => {})
    return started
  }
  return {
    ask: (question) =>
      new Promise((resolve) => {
        const line = `${JSON.stringify(question, encoded)}\n`
        waiting.push({ line, resolve })
        child.stdin.write(line)
      }),
    end() {
      ended = true
      child.stdin.end()
    },
  }
}

const spawned = (program: string, home: string) =>
  spawn(program, [], { env: { PATH: process.env['PATH'], HOME: home }, stdio: ['pipe', 'pipe', 'ignore'] })

function encoded(this: unknown, key: string, value: unknown): unknown {
  if (key !== 'bytes') return value
  // Buffers have been made objects by their own toJSON already.
  const bytes = (this as { bytes: Uint8Array }).bytes
  return Buffer.from(bytes).toString('base64')
}

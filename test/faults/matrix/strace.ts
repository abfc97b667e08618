import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CLI, type Ran } from '../../support/sandbox.ts'
import { argsIn, LATE, PATIENCE, type Lane, type World } from './world.ts'

/** The system calls by which a process changes files, or opens them. */
const CALLS = [
  'write,pwrite64,writev,openat,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir',
  'fsync,fdatasync,chmod,fchmod,fchmodat,fchown,link,linkat,symlink,symlinkat,utimensat,ftruncate',
].join(',')

/** Three times as fast, and no signal can be sent so. It wants threads and children traced too. */
const FAST = ['-f', '--seccomp-bpf']

/** One system call of gitops itself on a path of a lane. */
export interface Call {
  readonly syscall: string
  /** Which one of this name it was in the main thread, from 1. */
  readonly nth: number
  /** What it did, without what differs from run to run. */
  readonly label: string
  readonly writes: boolean
}

/** Why system calls cannot be disturbed here, or null. */
export function unable(): string | null {
  if (process.platform !== 'linux') return 'only Linux has strace'
  if (spawnSync('strace', ['-V']).error !== undefined) return 'strace is not installed'
  const probe = spawnSync('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', '-e', 'inject=openat:error=EIO:when=9999', 'true'])
  return probe.status === 0 ? null : `strace may not trace here: ${probe.stderr.toString().trim().split('\n').at(-1)}`
}

/** Every call of one undisturbed command that changes, or opens, something of the lane. */
export async function calls(world: Pick<World, 'sandbox'>, lane: Lane, args: readonly string[]): Promise<readonly Call[]> {
  return (await traced(world, lane, args, [...FAST, '-e', `trace=execve,${CALLS}`])).calls
}

/** What one disturbed command did. */
export interface Disturbed extends Ran {
  /** The call that was hit, or null when the command never came to it. */
  readonly hit: Call | null
  /** All of its kind that the command made. */
  readonly made: readonly Call[]
}

/** Runs a command whose nth call of a kind is not made: the process is killed at it (`KILL`), or gets an error (`EIO`). */
export async function disturb(
  world: Pick<World, 'sandbox'>,
  lane: Lane,
  args: readonly string[],
  at: { readonly syscall: string; readonly nth: number; readonly fault: string },
): Promise<Disturbed> {
  const what =
    at.fault === 'KILL'
      ? ['-e', `inject=${at.syscall}:signal=KILL:when=${at.nth}`]
      : [...(isWaking(at.syscall) ? [] : FAST), '-e', `inject=${at.syscall}:error=${at.fault}:when=${at.nth}`]
  const injection = ['-e', `trace=execve,${at.syscall}`, ...what]
  const { ran, calls: made } = await traced(world, lane, args, injection)
  const hit = made.find(({ nth }) => nth === at.nth) ?? null
  return { ...ran, made, hit: at.fault === 'KILL' && !ran.killed ? null : hit }
}

/** Threads wake each other by writing, which cannot fail in earnest: where it does, a process waits for ever. Only the main thread is traced then. */
function isWaking(syscall: string): boolean {
  return syscall.startsWith('write')
}

interface Traced {
  readonly ran: Ran & { readonly killed: boolean }
  readonly calls: readonly Call[]
}

async function traced(world: Pick<World, 'sandbox'>, lane: Lane, args: readonly string[], what: readonly string[]): Promise<Traced> {
  const directory = mkdtempSync(join(tmpdir(), 'gitops-test-trace-'))
  const log = join(directory, 'log')
  try {
    const ran = await run(['-q', '-y', '-s', '0', '-o', log, ...what, process.execPath, CLI, ...argsIn(lane, args)], {
      cwd: world.sandbox.site,
      env: { ...world.sandbox.env, ...lane.env },
    })
    const { made, killed } = existsSync(log) ? read(readFileSync(log, 'utf8'), lane) : { made: [], killed: false }
    return { ran: { ...ran, killed }, calls: made }
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function run(args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }): Promise<Ran> {
  return new Promise((done) => {
    const began = Date.now()
    // What does not end is killed with all that it has started: `timeout` makes a process group of it.
    execFile('timeout', ['-s', 'KILL', `${PATIENCE}`, 'strace', ...args], { ...options, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      const late = Date.now() - began > PATIENCE * 1000
      const code = late ? LATE : error === null ? 0 : typeof error.code === 'number' ? error.code : 128
      done({ code, stdout, stderr, said: stdout + stderr })
    }).stdin?.end()
  })
}

/** The main thread's calls in a trace. Its children, which are Git and the user's checks, are other processes. */
function read(log: string, lane: Lane): { made: Call[]; killed: boolean } {
  const lines = log.split('\n')
  const main = /^(\d+ +)?execve\(/.exec(lines[0] ?? '')?.[1] ?? ''
  const seen = new Map<string, number>()
  const made: Call[] = []
  for (const line of lines) {
    const [, syscall = '', rest = ''] = new RegExp(`^${main}(\\w+)\\((.*)$`).exec(line) ?? []
    if (syscall === '' || syscall === 'execve') continue
    const nth = (seen.get(syscall) ?? 0) + 1
    seen.set(syscall, nth)
    if (!rest.includes(`${lane.root}/`)) continue
    const label = `${syscall}(${labelled(rest, lane)})`
    const again = made.filter((call) => call.label.startsWith(label)).length
    made.push({
      syscall,
      nth,
      label: again === 0 ? label : `${label} ${again + 1}`,
      writes: syscall !== 'openat' || /O_WRONLY|O_RDWR|O_CREAT/.test(rest),
    })
  }
  return { made, killed: lines.some((line) => line.startsWith(main) && line.includes('killed by SIGKILL')) }
}

/** Paths without what is random in them: the lane, process ids, names of temporary files and locks. */
function labelled(rest: string, lane: Lane): string {
  const paths = [...rest.matchAll(/[<"](\/[^>"]*)[>"]/g)].flatMap(([, path = '']) =>
    path.startsWith(`${lane.root}/`) ? [path.slice(lane.root.length + 1)] : [],
  )
  return [...new Set(paths)]
    .join(' ')
    .replaceAll(/\/lock\/[0-9a-f]{16}/g, '/lock/*')
    .replaceAll(/\/sealed\/[0-9a-f]{2}(?:\/[0-9a-f]{62})?/g, '/sealed/*')
    .replaceAll(/\.[0-9a-f]{12}\.tmp/g, '.*.tmp')
    .replaceAll(/(\.gitops-\d+-\d+-)\d+/g, '$1*')
    .replaceAll('home/.local/state/gitops/story', 'state')
}

import type { Listr } from 'listr2'
import type { UserConfig } from '../lib/config/define.ts'
import { expand } from '../lib/config/places.ts'
import { resolve } from '../lib/config/resolve.ts'
import { machine } from '../lib/host/machine.ts'
import type { Config } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { ended, type Verdict } from '../lib/model/verdict.ts'
import { begin, type Beginning } from './begin.ts'
import { story } from './reconcile.ts'
import type { Step, Teller } from './run.ts'
import { concluded, session, type Rendering } from './session.ts'

/** How a program runs a reconcile. */
export interface ReconcileOptions {
  /** The directory that relative paths of the config start from, and whose name is the state's default name. Default: the working directory. */
  readonly cwd?: string
  /** Tell what would be done and write nothing. Default false. */
  readonly dryRun?: boolean
  /** Let a revision delete most of what it owned. Default false. */
  readonly allowShrink?: boolean
  /** Interrupts the run: what it began is undone. */
  readonly signal?: AbortSignal
  /** How long another run is waited for, in milliseconds. Default 10 000. */
  readonly lockTimeout?: number
  /** A listr2 renderer. Default `silent`. */
  readonly renderer?: 'silent' | 'default' | 'simple' | 'verbose'
}

/** One reconcile for a program. */
export async function reconcileOnce(user: UserConfig, options: ReconcileOptions): Promise<Verdict> {
  const listening = listen(options.signal)
  try {
    const rendering = { renderer: options.renderer ?? 'silent' } as unknown as Rendering
    const { verdict } = await session(await configOf(user, options), beginningOf(options, listening.signal), rendering)
    if (verdict === null) throw new Error('a session without a config file hands nothing over')
    return verdict
  } catch (error) {
    if (error instanceof GitopsError) return ended(error).verdict
    throw error
  } finally {
    listening.stop()
  }
}

/** One reconcile as the steps of somebody else's task. `release` gives the lock back, should they end early. */
export async function embedded(user: UserConfig, options: ReconcileOptions, task: object, release: (() => void)[]): Promise<Listr> {
  const teller = task as Teller
  const listening = listen(options.signal)
  release.push(listening.stop)
  const { run, lock } = await begin(await configOf(user, options), beginningOf(options, listening.signal))
  release.push(() => lock?.release())
  const verdict: Step = {
    title: 'verdict',
    task: () => {
      for (const each of release.splice(0)) each()
      speak(teller, concluded(run).verdict)
    },
  }
  return teller.newListr([...story(run), verdict], {
    concurrent: false,
    exitOnError: true,
    rendererOptions: { collapseSubtasks: false },
  })
}

/** A program's signal, with a reason that says so. */
function listen(theirs: AbortSignal | undefined): { readonly signal: AbortSignal; readonly stop: () => void } {
  const ours = new AbortController()
  const pass = (): void => ours.abort(new GitopsError('interrupted', 'interrupted by the program that runs it', { cause: theirs?.reason }))
  if (theirs?.aborted === true) pass()
  theirs?.addEventListener('abort', pass, { once: true })
  return { signal: ours.signal, stop: () => theirs?.removeEventListener('abort', pass) }
}

function speak(teller: Teller, verdict: Verdict): void {
  teller.title = `reconcile  ${verdict.message}`
  if (verdict.outcome !== 'in-sync' && verdict.outcome !== 'applied') throw new Error(verdict.message)
}

function configOf(user: UserConfig, options: ReconcileOptions): Promise<Config> {
  const { hostname, home, platform, cwd, env } = machine()
  return resolve(user, {
    file: null,
    modules: [],
    directory: expand('cwd', options.cwd ?? '.', home, cwd),
    host: hostname,
    home,
    platform,
    env,
  })
}

function beginningOf(options: ReconcileOptions, signal: AbortSignal): Beginning {
  return {
    dry: options.dryRun ?? false,
    fetch: true,
    allowShrink: options.allowShrink ?? false,
    signal,
    machine: machine(),
    handedOver: null,
    wait: options.lockTimeout ?? 10_000,
  }
}

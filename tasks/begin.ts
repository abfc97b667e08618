import { dryHost } from '../lib/host/dry.ts'
import { realHost } from '../lib/host/host.ts'
import { claimState } from '../lib/host/identity.ts'
import type { Incoming } from '../lib/host/incoming.ts'
import { acquire, adopt, type Lock } from '../lib/host/lock.ts'
import type { Machine } from '../lib/host/machine.ts'
import { tidy } from '../lib/host/tidy.ts'
import type { Config } from '../lib/model/config.ts'
import type { Sha } from '../lib/model/path.ts'
import { settledIn } from './settled-in.ts'
import { gone } from './departed.ts'
import { goneSecrets } from './secret-departed.ts'
import type { Run, Unit } from './run.ts'

/** What a parent process hands over. */
export interface HandedOver {
  /** Its lock, and the state directory that this one locks. */
  readonly lock: string
  readonly state: string
  /** What it has pulled, a source each. */
  readonly pulled: Readonly<Record<string, Sha>>
  /** Where the config is from, when it is not the one on disk: then nothing is written, and the lock stays with the parent. */
  readonly incoming?: Incoming
}

/** What a run is started with. */
export interface Beginning {
  readonly dry: boolean
  readonly fetch: boolean
  readonly allowShrink: boolean
  /** Put back all that has drifted, whatever the config says about it. Default false. */
  readonly heal?: boolean
  /** Whether what is held or waits is tried now. Default false. */
  readonly retry?: boolean
  /** The one secret that the run is about. Default: everything. */
  readonly only?: string
  readonly signal: AbortSignal
  readonly machine: Machine
  readonly handedOver: HandedOver | null
  /** Milliseconds to wait for another run; null takes no lock, for what only reads. */
  readonly wait: number | null
}

/** A run that holds the lock of its state directory. */
export interface Begun {
  readonly run: Run
  readonly lock: Lock | null
}

/** Takes the lock, claims the state directory and reads what is known. Throws `locked` or `config`. */
export async function begin(config: Config, beginning: Beginning): Promise<Begun> {
  const { machine, signal, handedOver } = beginning
  const lock =
    beginning.wait === null || handedOver?.incoming !== undefined
      ? null
      : handedOver === null || handedOver.state !== config.state // A config that was renamed has another state.
        ? await acquire(config.state, machine, beginning.wait, signal)
        : adopt(config.state, machine, handedOver.lock)
  try {
    const notes: string[] = []
    tidy(config.state, lock?.dead ?? [])
    const claimed = claimState(config, machine)
    notes.push(...claimed.notes)
    const real = realHost(config, machine, (sentence) => notes.push(sentence), lock?.ensure)
    const host = beginning.dry ? dryHost(real, config) : real
    // Whatever is half done must be known before anything else is.
    host.store.journal()
    const written = host.store.inventory()
    const here = claimed.foreign ? await import('./another-machine.ts') : null
    const found = here?.ownedHere(config, host, written, claimed.met) ?? null
    const inventory = found?.inventory ?? written
    const status = host.store.status()
    host.store.mend()
    if (!beginning.dry) {
      if (found !== null) here?.settleHere(config, host, found)
      notes.push(...claimed.settle())
    }
    const run: Run = {
      config,
      host,
      signal,
      options: {
        fetch: beginning.fetch,
        allowShrink: beginning.allowShrink,
        heal: beginning.heal ?? false,
        retry: beginning.retry ?? false,
        only: beginning.only ?? null,
        pulled: handedOver?.pulled ?? {},
        configFrom: handedOver?.incoming?.commit ?? null,
      },
      declaration: declarationOf(config),
      inventory: settledIn(config, inventory),
      status,
      units: [],
      notes,
      failure: null,
    }
    run.units = unitsOf(run)
    // A home that machines take turns in is told of once.
    if (!beginning.dry && found !== null && (!claimed.met || found.strangers.length > 0)) here?.tellHere(run, found)
    if (!beginning.dry && lock !== null && host.store.behind().length > 0) await (await import('./behind.ts')).sweepBehind(run)
    return { run, lock }
  } catch (error) {
    lock?.release()
    throw error
  }
}

/** Every source, and every source of old whose targets are still here. */
function unitsOf(run: Run): Unit[] {
  const known = new Map(run.config.sources.map((source) => [source.name, source]))
  const departed = [...gone(run).map(([, target]) => target.source), ...goneSecrets(run).map(([, secret]) => secret.source)]
  return [...new Set([...known.keys(), ...departed])].map((name) => ({
    name,
    source: known.get(name) ?? null,
    pulled: null,
    repository: null,
    commit: null,
    standingBy: null,
    refused: null,
    desired: '',
    why: 'revision',
    targets: [],
    secrets: [],
    generation: null,
    outcome: null,
    undos: [],
    told: [],
    again: null,
    left: [],
  }))
}

/** The part of the config that can turn a bad revision into a good one: its checks and tasks. */
function declarationOf({ checks, tasks }: Config): string {
  const text = (_: string, value: unknown): unknown => (typeof value === 'function' ? String(value) : value)
  return JSON.stringify({ validate: checks.validate, smoke: checks.smoke, tasks }, text)
}

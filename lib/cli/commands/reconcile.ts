import { Option } from 'commander'
import type { Incoming } from '../../host/incoming.ts'
import { GitopsError } from '../../model/errors.ts'
import type { Beginning } from '../../../tasks/begin.ts'
import { session } from '../../../tasks/session.ts'
import { handedOver, handOver } from '../handover.ts'
import { complain, printVerdict, print } from '../messages.ts'
import { configOption, jsonOption, patience, waitOption, type ConfigOptions, type WaitOptions } from '../config-option.ts'
import { configFile, configPlaces, interruptible, open, type Opened } from '../open.ts'
import { pullFix } from '../pull-fix.ts'
import type { Verb } from '../program.ts'
import { rendering } from '../rendering.ts'

/** The options of `gitops reconcile`. */
export interface ReconcileOptions extends ConfigOptions, WaitOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
  readonly allowShrink?: boolean
  readonly heal?: boolean
}

/** `gitops reconcile`. */
export const reconcileCommand: Verb<ReconcileOptions> = {
  name: 'reconcile',
  summary: 'pull, heal drift, apply what is new, check it, and roll back when it fails',
  options: [
    new Option('-n, --dry-run', 'tell what would be done and write nothing; exit 3 when there is something'),
    new Option('--allow-shrink', 'let a revision delete most of what it owned'),
    new Option('--heal', 'put back what has drifted also where onDrift says otherwise, or where something keeps rewriting it'),
    waitOption,
    jsonOption,
    configOption,
  ],
  run: (options) => reconcileWith(options, {}),
}

async function opening(options: ReconcileOptions, incoming: Incoming | undefined): Promise<Opened> {
  return open(configFile(options), incoming)
}

/** One reconcile; `only` names the one secret that it is about, `retry` tries what is held. */
export async function reconcileWith(options: ReconcileOptions, more: Pick<Beginning, 'only' | 'retry'>): Promise<number> {
  const json = options.json ?? false
  const signal = interruptible()
  try {
    const given = handedOver()
    const opened = await opening(options, given?.incoming).catch((error: unknown) =>
      error instanceof GitopsError && given === null && options.dryRun !== true
        ? pullFix(options.config === undefined ? configPlaces() : [configFile(options)], error, signal)
        : Promise.reject(error),
    )
    if (typeof opened === 'number') return opened
    const { config, machine } = opened
    const beginning = {
      dry: options.dryRun ?? false,
      fetch: true,
      allowShrink: options.allowShrink ?? false,
      heal: options.heal ?? false,
      signal,
      machine,
      handedOver: given,
      wait: patience(options),
      ...more,
    }
    const { verdict, code, run } = await session(config, beginning, rendering(json), {
      handOver: (begun) => handOver(begun, signal),
    })
    if (verdict === null) return code
    for (const note of run.notes) process.stderr.write(`gitops: ${note}\n`)
    if (json) print(JSON.stringify(verdict))
    else printVerdict(verdict)
    return code
  } catch (error) {
    return complain(error as Error, json)
  }
}

import { Option } from 'commander'
import { duration } from '../model/schedule.ts'

/** Milliseconds that a command waits for another run, unless it is told otherwise. */
const PATIENCE = 10_000

/** Options that every command with a config takes. */
export interface ConfigOptions {
  readonly config?: string
}

/** Names the config file. */
export const configOption = new Option('-c, --config <file>', 'the config file; otherwise the nearest gitops.config.* upward from here')
/** Asks for output that programs read. */
export const jsonOption = new Option('--json', 'one JSON object a line; the last one is the verdict')
/** Of every command that takes the run lock. */
export interface WaitOptions {
  readonly wait?: string
}

/** Says how long another run is waited for. */
export const waitOption = new Option('--wait <duration>', "how long to wait for another run, such as '5m'; 0 for not at all (default: 10s)")

/** The milliseconds of `--wait`. Throws `config` where it is no duration. */
export function patience({ wait }: WaitOptions): number {
  if (wait === undefined) return PATIENCE
  return /^0+(?:ms|s|m|h|d)?$/.test(wait.trim()) ? 0 : duration(wait)
}

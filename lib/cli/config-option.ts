import { Option } from 'commander'

/** Options that every command with a config takes. */
export interface ConfigOptions {
  readonly config?: string
}

/** Names the config file. */
export const configOption = new Option('-c, --config <file>', 'the config file; otherwise the nearest gitops.config.* upward from here')
/** Asks for output that programs read. */
export const jsonOption = new Option('--json', 'one JSON object a line; the last one is the verdict')

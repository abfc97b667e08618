import type { AbsPath } from './path.ts'

/** The only inputs of a config that is a function. */
export interface Host {
  /** This machine's host name. */
  readonly host: string
  /** What `~` means: the config's `home`, else the user's home directory. */
  readonly home: AbsPath
  /** As `process.platform` says it. */
  readonly platform: string
  readonly env: Readonly<Record<string, string | undefined>>
}

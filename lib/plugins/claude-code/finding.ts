/** Something that is wrong in a configuration, or that a person should look at. */
export interface Finding {
  readonly kind: 'error' | 'warning'
  /** The file, relative to Claude Code's directory. */
  readonly place: string
  readonly message: string
}

/** Something that is wrong in a configuration, or that a person should look at. */
export interface Finding {
  readonly kind: 'error' | 'warning'
  /** The file, relative to Claude Code's directory. */
  readonly place: string
  readonly message: string
  /** From 1, where it is known. */
  readonly line?: number
  /** The keys that lead to it in a JSON document. */
  readonly at?: readonly (string | number)[]
}

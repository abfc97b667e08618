import type { AgeIdentity } from '../age.ts'
import type { SopsFormat } from './file-format.ts'
import type { Indents } from './policy-fields.ts'
import type { Rule } from './rules.ts'
import type { Recipients } from './wrap-key.ts'

/** How the next version of an encrypted file is made. What is not given stays as the file has it. */
export interface ReencryptOptions {
  /** At least one must open the old file. */
  readonly identities: readonly AgeIdentity[]
  /** The time of the change, if there is one. */
  readonly now: Date
  /** Of the old file, and of the plaintext as well; sniffed in the old file unless given. */
  readonly format?: SopsFormat
  /** Of the plaintext, where it is another one. */
  readonly input?: SopsFormat
  /** All who can read it from now on. One who is missing loses access, which takes a new data key. Made by `recipient`. */
  readonly recipients?: Recipients
  readonly rule?: Rule
  readonly macOnlyEncrypted?: boolean
  /** Of what shows no layout of its own. */
  readonly indents?: Indents
  /** A new data key, and every value encrypted anew, also where nobody loses access. */
  readonly newKey?: boolean
}

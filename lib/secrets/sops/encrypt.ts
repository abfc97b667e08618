import { newDataKey } from './cipher.ts'
import { closeDocuments, type ValueCount } from './close.ts'
import { emitEncrypted } from './emit.ts'
import type { SopsFormat } from './file-format.ts'
import { sealMac } from './mac.ts'
import { writeMetadata } from './metadata-write.ts'
import { DIALECT } from './metadata.ts'
import { refuseMisread } from './open.ts'
import { DEFAULT_RULE, selector, type Rule } from './rules.ts'
import { sourceOf } from './plain-source.ts'
import type { Indents } from './policy-fields.ts'
import { stamp } from './time.ts'
import { keyGroups, wrapDataKey, type Recipients } from './wrap-key.ts'

/** How a file is to be encrypted. */
export interface EncryptOptions {
  readonly format: SopsFormat
  /** What the plaintext is written in; as `format` unless given. A value that the format cannot hold is refused. */
  readonly input?: SopsFormat
  /** At least one; each can read the file, or so many groups together. Made by `recipient`. */
  readonly recipients: Recipients
  /** Written into the file as the time of its last change. */
  readonly now: Date
  /** Which values are encrypted; SOPS' own default unless given. Without effect on binary files. */
  readonly rule?: Rule
  /** Leaves what is not encrypted out of the MAC, so that it may be edited by hand; false unless given. */
  readonly macOnlyEncrypted?: boolean
  /** Of what shows no layout of its own; as SOPS has it unless given. */
  readonly indents?: Indents
}

/** An encrypted file. */
export interface Encrypted extends ValueCount {
  /** What the real `sops` decrypts. */
  readonly bytes: Buffer
}

/**
 * The plaintext as a SOPS file. Throws `config` without a recipient, `invalid` when it is encrypted already or cannot be
 * read as the format.
 */
export async function encryptSops(plaintext: Uint8Array, options: EncryptOptions): Promise<Encrypted> {
  const { format, now, macOnlyEncrypted = false, input = format } = options
  const recipients = keyGroups(options.recipients)
  const rule: Rule = input === 'binary' ? { kind: 'all' } : (options.rule ?? DEFAULT_RULE)
  const isSelected = await selector(rule)
  const source = await sourceOf(plaintext, { input, format, isSelected, indents: options.indents })
  const key = newDataKey()
  try {
    const closed = closeDocuments(source.documents, { key, isSelected, macOnlyEncrypted })
    const lastModified = stamp(now)
    const wrapped = await wrapDataKey(key, recipients)
    const mac = sealMac(closed.digest, key, lastModified)
    const block = writeMetadata({ ...wrapped, lastModified, mac, rule, macOnlyEncrypted, version: DIALECT, from: null })
    const bytes = await emitEncrypted(source, closed, { format, block })
    await refuseMisread(bytes, key, { format, rule })
    return { bytes, ...closed.count }
  } finally {
    key.fill(0)
  }
}

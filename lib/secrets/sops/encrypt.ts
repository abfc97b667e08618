import { fault } from '../fault.ts'
import { newDataKey } from './cipher.ts'
import { closeDocuments, type ValueCount } from './close.ts'
import { convertSource } from './convert.ts'
import type { Documents } from './document.ts'
import type { Source } from './format.ts'
import { sealMac } from './mac.ts'
import { writeMetadata } from './metadata-write.ts'
import { DIALECT, METADATA_KEY } from './metadata.ts'
import { DEFAULT_RULE, selector, type Rule, type Selector } from './rules.ts'
import { hasBlock } from './sniff.ts'
import type { SopsFormat } from './file-format.ts'
import { emitEncrypted, loadPlain } from './store.ts'
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
  const source = await sourceOf(plaintext, input, format, isSelected)
  const key = newDataKey()
  try {
    const closed = closeDocuments(source.documents, { key, isSelected, macOnlyEncrypted })
    const lastModified = stamp(now)
    const wrapped = await wrapDataKey(key, recipients)
    const mac = sealMac(closed.digest, key, lastModified)
    const block = writeMetadata({ ...wrapped, lastModified, mac, rule, macOnlyEncrypted, version: DIALECT, from: null })
    return { bytes: emitEncrypted(source, closed, block, format), ...closed.count }
  } finally {
    key.fill(0)
  }
}

/**
 * What is to be encrypted in a format. Throws `syntax` or `plaintext`, `shape` where the format cannot hold it, and for what is
 * encrypted already, has no document, or has what SOPS keeps for itself in the format.
 */
export async function sourceOf(plaintext: Uint8Array, input: SopsFormat, format: SopsFormat, isSelected: Selector): Promise<Source> {
  const source = await loadPlain(plaintext, input)
  await refuseEncrypted(plaintext, source.documents, input, format)
  return convertSource(source, input, format, isSelected)
}

async function refuseEncrypted(plaintext: Uint8Array, documents: Documents, input: SopsFormat, format: SopsFormat): Promise<void> {
  if (documents.length === 0) throw fault('empty', 'is empty: there is nothing to encrypt')
  const { inspectSops } = await import('./decrypt.ts')
  // Any file can go into a binary envelope, also one that is encrypted and would then be so twice.
  const maybe = input === 'binary' && Buffer.from(plaintext).includes(METADATA_KEY)
  const nested = maybe ? await inspectSops(plaintext).catch(() => null) : null
  if (nested === null && !documents.some((document) => hasBlock(document, format))) return
  const own = format === 'dotenv' ? `keys that begin with \`${METADATA_KEY}_\`` : `a key \`${METADATA_KEY}\``
  throw fault('already', `is encrypted already, or has ${own} of its own, which SOPS keeps for itself`, {
    hint: 'To change it use `sops`, or decrypt it first.',
  })
}

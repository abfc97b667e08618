import type { Pointer } from '../../model/pointer.ts'
import type { AgeIdentity } from '../age.ts'
import { Secret } from '../secret.ts'
import { emitPlain } from './emit.ts'
import { extract } from './extract.ts'
import { readMetadata, type Metadata } from './metadata.ts'
import { openSops } from './open.ts'
import type { SopsFormat } from './file-format.ts'
import { loadEncrypted } from './store.ts'

/** What can be known of an encrypted file without a key. Nothing vouches for any of it. */
export interface SopsInfo {
  readonly format: SopsFormat
  /** The age recipients that the file names. */
  readonly recipients: readonly string[]
  /** Kinds of other keys that it names: `pgp`, `kms`. */
  readonly otherKeys: readonly string[]
  /** How many groups of keys. With more than one, keys of several groups are needed together. */
  readonly groups: number
  /** RFC 3339, whole seconds. */
  readonly lastModified: string
  /** The SOPS that wrote it; may be empty. */
  readonly version: string
}

/** A decrypted file. */
export interface Decrypted extends SopsInfo {
  /** In the file's own format and layout: what was encrypted, or what `sops --decrypt` prints of a file that SOPS has made. */
  readonly plaintext: Secret
}

/**
 * What an encrypted file says about itself, or null when it is not one. Needs no key and loads nothing heavy for JSON.
 * Throws `invalid` for a file that is empty, broken, or has a `sops` block that cannot be used.
 */
export async function inspectSops(bytes: Uint8Array): Promise<SopsInfo | null> {
  const loaded = await loadEncrypted(bytes)
  return loaded === null ? null : describe(loaded.format, readMetadata(loaded.taken.block))
}

/** How a file is decrypted. */
export interface DecryptOptions {
  /** Sniffed unless it is given. */
  readonly format?: SopsFormat
  /** What the plaintext is to be written in; as the file is unless given. */
  readonly output?: SopsFormat
  /** Only what stands at this place, as `sops decrypt --extract` prints it. */
  readonly extract?: Pointer
  /** Takes values though nothing vouches that they belong together; false unless given. */
  readonly ignoreMac?: boolean
}

/**
 * The plaintext of an encrypted file, its MAC verified.
 * Throws `environment` when no identity opens it, `invalid` when it is broken, changed or not encrypted at all, or (`shape`)
 * when the output format cannot hold it, `usage` (`no-path`) when there is nothing at the place to extract.
 */
export async function decryptSops(bytes: Uint8Array, identities: readonly AgeIdentity[], options: DecryptOptions = {}): Promise<Decrypted> {
  const opened = await openSops(bytes, identities, options)
  const { loaded, metadata, key, documents } = opened
  try {
    const { output = loaded.format } = options
    const plaintext =
      options.extract === undefined || options.extract.length === 0
        ? await emitPlain(loaded, opened, output)
        : extract(documents, options.extract, output)
    try {
      return { ...describe(loaded.format, metadata), plaintext: new Secret(plaintext) }
    } finally {
      plaintext.fill(0)
    }
  } finally {
    key.fill(0)
  }
}

function describe(format: SopsFormat, { groups, lastModified, version }: Metadata): SopsInfo {
  return {
    format,
    recipients: [...new Set(groups.flatMap(({ age }) => age.map(({ recipient }) => recipient)))],
    otherKeys: [...new Set(groups.flatMap(({ others }) => others))],
    groups: groups.length,
    lastModified,
    version,
  }
}

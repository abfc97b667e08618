import type { AgeIdentity } from '../age.ts'
import { fault } from '../fault.ts'
import { Secret } from '../secret.ts'
import { associatedData, decryptLeaf, type DataKey } from './cipher.ts'
import { recoverDataKey } from './data-key.ts'
import { isComment, type Branch, type Comment, type Documents } from './document.ts'
import { macMatches, newMac } from './mac.ts'
import { readMetadata, type Metadata } from './metadata.ts'
import { selector, type Place } from './rules.ts'
import { emitPlain, loadEncrypted, type Loaded, type SopsFormat } from './store.ts'
import { walk } from './walk.ts'

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
  /** In the file's own format, byte for byte as `sops --decrypt` prints it. */
  readonly plaintext: Secret
}

/**
 * What an encrypted file says about itself, or null when it is not one. Needs no key and loads nothing heavy for JSON.
 * Throws `invalid` for a file that is empty, broken, or has a `sops` block that cannot be used.
 */
export async function inspectSops(bytes: Uint8Array): Promise<SopsInfo | null> {
  const loaded = await loadEncrypted(bytes)
  return loaded === null ? null : describe(loaded.format, readMetadata(loaded.block))
}

/**
 * The plaintext of an encrypted file, its MAC verified. The format is sniffed unless it is given.
 * Throws `environment` when no identity opens it, `invalid` when it is broken, changed or not encrypted at all.
 */
export async function decryptSops(
  bytes: Uint8Array,
  identities: readonly AgeIdentity[],
  options: { format?: SopsFormat } = {},
): Promise<Decrypted> {
  const loaded = await loadEncrypted(bytes, options.format)
  if (loaded === null) {
    throw fault('not-sops', 'is not encrypted: it has no `sops` block', {
      hint: 'Encrypt it with `gitops encrypt` before it is committed.',
    })
  }
  const metadata = readMetadata(loaded.block)
  const key = await recoverDataKey(metadata, identities)
  try {
    const documents = await openDocuments(loaded, metadata, key)
    const plaintext = emitPlain(documents, loaded.format)
    try {
      return { ...describe(loaded.format, metadata), plaintext: new Secret(plaintext) }
    } finally {
      plaintext.fill(0)
    }
  } finally {
    key.fill(0)
  }
}

async function openDocuments({ documents }: Loaded, metadata: Metadata, key: DataKey): Promise<Branch[]> {
  const isSelected = await selector(metadata.rule)
  const mac = newMac(metadata.macOnlyEncrypted)
  const opened = walk(documents, (value, place) => {
    const selected = isSelected(place)
    const clear = selected ? openValue(value, place, key) : value
    // By the result: an item of a list may turn out to be a comment, and comments do not count.
    if (clear !== null && (selected || !metadata.macOnlyEncrypted)) mac.add(clear)
    return clear
  })
  if (!macMatches(metadata.mac, mac.digest(), key, metadata.lastModified)) throw mismatch(metadata, documents)
  return opened
}

type Clear = Parameters<ReturnType<typeof newMac>['add']>[0]

function openValue(value: Clear, place: Place, key: DataKey): Clear {
  if (isComment(value)) return openComment(value, place, key)
  const opened = typeof value === 'string' ? decryptLeaf(value, key, associatedData(place.path)) : ({ fault: 'clear' } as const)
  if ('value' in opened) return opened.value
  const where = place.path.map((name) => JSON.stringify(name)).join('.')
  const what = opened.fault === 'clear' ? 'stands in clear where it should be encrypted' : 'was changed after it was encrypted'
  throw fault('value', `cannot be trusted: the value at ${where} ${what}`, {
    hint: 'Take the last good version of the file from Git, or edit it with `sops` instead of by hand.',
  })
}

/** A comment that does not open is one that was added in clear. One may have moved between containers, so those are tried outwards. */
function openComment(value: Comment, { path }: Place, key: DataKey): Comment {
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const opened = decryptLeaf(value.text, key, associatedData(path.slice(0, depth)))
    if ('value' in opened) return isComment(opened.value) ? opened.value : value
  }
  return value
}

function mismatch({ mac }: Metadata, documents: Documents): Error {
  const what =
    mac === ''
      ? 'it has no MAC'
      : 'its MAC does not match: a value was changed, moved, added or removed after it was encrypted, though each encrypted value opens'
  return fault('mac', `cannot be trusted: ${what}`, {
    hint: `Take the last good version of the file from Git, or edit it with \`sops\` instead of by hand.${documents.length > 1 ? ' All its documents count.' : ''}`,
  })
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

import type { AgeIdentity } from '../age.ts'
import { fault } from '../fault.ts'
import { associatedData, decryptLeaf, type DataKey } from './cipher.ts'
import { recoverDataKey } from './data-key.ts'
import { isComment, type Branch, type Comment, type Documents } from './document.ts'
import type { Change, Content } from './format.ts'
import { macMatches, newMac } from './mac.ts'
import { readMetadata, type Metadata } from './metadata.ts'
import { selector, type Place, type Rule } from './rules.ts'
import type { SopsFormat } from './file-format.ts'
import { loadEncrypted, type Loaded } from './store.ts'
import { walk } from './walk.ts'

/** An encrypted file that was opened, its MAC verified. */
export interface Opened {
  readonly loaded: Loaded
  readonly metadata: Metadata
  /** Wiped by the caller. */
  readonly key: DataKey
  /** In clear. */
  readonly documents: Branch[]
  /** What was decrypted that has a place in the text. */
  readonly changes: readonly Change[]
}

/** Hears of each value that was decrypted: what stood in the file, what it means, and where. In the order of the file. */
export type Listener = (text: string, clear: Content, place: Place) => void

/** Opens an encrypted file. Throws `environment` when no identity opens it, `invalid` when it is broken, changed or not encrypted at all. */
export async function openSops(
  bytes: Uint8Array,
  identities: readonly AgeIdentity[],
  options: { format?: SopsFormat } & Hearing = {},
): Promise<Opened> {
  const loaded = await loadEncrypted(bytes, options.format)
  if (loaded === null) {
    throw fault('not-sops', 'is not encrypted: it has no `sops` block', {
      hint: 'Encrypt it with `gitops encrypt` before it is committed.',
    })
  }
  const metadata = readMetadata(loaded.taken.block)
  const key = await recoverDataKey(metadata, identities)
  try {
    return { loaded, metadata, key, ...(await openDocuments(loaded.taken.documents, metadata, key, options)) }
  } catch (error) {
    key.fill(0)
    throw error
  }
}

/**
 * A rule that goes by comments judges by where they stand in the text, and that may be another place once the file is written.
 * Such a file is read again before it is given away. Throws `plaintext` when it would be refused.
 */
export async function refuseMisread(bytes: Uint8Array, key: DataKey, { format, rule }: { format: SopsFormat; rule: Rule }): Promise<void> {
  if (rule.kind !== 'encrypted_comment_regex' && rule.kind !== 'unencrypted_comment_regex') return
  const loaded = await loadEncrypted(bytes, format)
  if (loaded === null) return
  try {
    await openDocuments(loaded.taken.documents, readMetadata(loaded.taken.block), key, {})
  } catch (cause) {
    throw fault('plaintext', `cannot be encrypted under ${rule.kind}: a comment that decides stands where it is lost or moves`, {
      hint: 'Put it on a line of its own, above its key and outside of brackets, or select by encrypted_regex.',
      cause,
    })
  }
}

interface Hearing {
  readonly heard?: Listener
  /** Whoever says so has been told what it means. */
  readonly ignoreMac?: boolean
}

type Values = Pick<Opened, 'documents' | 'changes'>

async function openDocuments(documents: Documents, metadata: Metadata, key: DataKey, { heard, ignoreMac }: Hearing): Promise<Values> {
  const isSelected = await selector(metadata.rule)
  const mac = newMac(metadata.macOnlyEncrypted)
  const changes: Change[] = []
  const opened = walk(documents, (value, place) => {
    const selected = isSelected(place)
    const clear = selected ? openValue(value, place, key) : value
    // By the result: an item of a list may turn out to be a comment, and comments do not count.
    if (clear !== null && (selected || !metadata.macOnlyEncrypted)) mac.add(clear)
    if (clear === value) return clear
    const encrypted = typeof value === 'string' ? value : (value as Comment).text
    heard?.(encrypted, clear, place)
    if (place.at !== undefined) changes.push({ at: place.at, clear, encrypted })
    return clear
  })
  if (ignoreMac !== true && !macMatches(metadata.mac, mac.digest(), key, metadata.lastModified)) throw mismatch(metadata, documents)
  return { documents: opened, changes }
}

function openValue(value: Content, place: Place, key: DataKey): Content {
  if (isComment(value)) return openComment(value, place, key)
  const opened = typeof value === 'string' ? decryptLeaf(value, key, associatedData(place.path)) : ({ fault: 'clear' } as const)
  if ('value' in opened) return opened.value
  const where = place.path.map((name) => JSON.stringify(name)).join('.')
  const what = opened.fault === 'clear' ? 'stands in clear where it should be encrypted' : 'was changed after it was encrypted'
  throw fault('value', `cannot be trusted: the value at ${where} ${what}`, {
    hint: 'Take the last good version of the file from Git, or edit it with `gitops edit` instead of by hand.',
  })
}

/** A comment that does not open is one that was added in clear. One may have moved between containers, so those are tried outwards. */
function openComment(value: Comment, { path }: Place, key: DataKey): Content {
  if (value.text === '') return value
  for (let depth = path.length; depth >= 0; depth -= 1) {
    const opened = decryptLeaf(value.text, key, associatedData(path.slice(0, depth)))
    // What turns out to be a value counts as one, and the MAC tells that it was none.
    if ('value' in opened) return opened.value
  }
  return value
}

function mismatch({ mac }: Metadata, documents: Documents): Error {
  const what =
    mac === ''
      ? 'it has no MAC'
      : 'its MAC does not match: a value was changed, moved, added or removed after it was encrypted, though each encrypted value opens'
  return fault('mac', `cannot be trusted: ${what}`, {
    hint: `Take the last good version of the file from Git, or edit it with \`gitops edit\` instead of by hand.${documents.length > 1 ? ' All its documents count.' : ''}`,
  })
}

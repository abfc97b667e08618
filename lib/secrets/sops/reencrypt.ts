import type { AgeIdentity } from '../age.ts'
import { accessOf, giveAccess } from './access.ts'
import { newDataKey } from './cipher.ts'
import { closeDocuments, type ValueCount } from './close.ts'
import type { Documents } from './document.ts'
import { refuseEncrypted } from './encrypt.ts'
import { sealMac } from './mac.ts'
import { writeMetadata } from './metadata-write.ts'
import type { Metadata } from './metadata.ts'
import { openSops, type Opened } from './open.ts'
import { newDonors, type Donors } from './reuse.ts'
import { selector, type Rule } from './rules.ts'
import { emitEncrypted, emitPlain, loadPlain, type SopsFormat } from './store.ts'
import { stamp } from './time.ts'
import type { Recipients } from './wrap-key.ts'

/** How the next version of an encrypted file is made. What is not given stays as the file has it. */
export interface ReencryptOptions {
  /** At least one must open the old file. */
  readonly identities: readonly AgeIdentity[]
  /** The time of the change, if there is one. */
  readonly now: Date
  /** Of the old file and of the plaintext; sniffed in the old file unless given. */
  readonly format?: SopsFormat
  /** All who can read it from now on. One who is missing loses access, which takes a new data key. Made by `recipient`. */
  readonly recipients?: Recipients
  readonly rule?: Rule
  readonly macOnlyEncrypted?: boolean
  /** A new data key, and every value encrypted anew, also where nobody loses access. */
  readonly newKey?: boolean
}

/** The next version of an encrypted file. */
export interface Reencrypted extends ValueCount {
  /** The old bytes themselves when nothing has changed. */
  readonly bytes: Buffer
  /** Whether there is anything to write. */
  readonly changed: boolean
  /** Whether it has a new data key, so that every value is encrypted anew. */
  readonly rekeyed: boolean
  /** Who can read it now and could not before, and the other way round. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/**
 * A plaintext as the next version of an encrypted file, with as few changes as can be: data key, wrapped keys and every value that is the
 * same stay as they are. Throws as `decryptSops` and `encryptSops` do, and `environment` (`unsupported`) where keys would have to be wrapped anew that are none of age.
 */
export async function reencryptSops(old: Uint8Array, plaintext: Uint8Array, options: ReencryptOptions): Promise<Reencrypted> {
  const donors = newDonors()
  const opened = await openSops(old, options.identities, { ...pick(options.format), heard: donors.heard })
  try {
    return await nextVersion(Buffer.from(old), opened, plaintext, { ...options, donors })
  } finally {
    opened.key.fill(0)
  }
}

/** The same plaintext under a new data key: every value and every wrapped key changes. Throws as `reencryptSops` does. */
export async function rotateSops(old: Uint8Array, options: Omit<ReencryptOptions, 'newKey'>): Promise<Reencrypted> {
  const opened = await openSops(old, options.identities, pick(options.format))
  const plaintext = emitPlain(opened.documents, opened.loaded.format)
  try {
    return await nextVersion(Buffer.from(old), opened, plaintext, { ...options, newKey: true })
  } finally {
    opened.key.fill(0)
    plaintext.fill(0)
  }
}

function pick(format: SopsFormat | undefined): { format?: SopsFormat } {
  return format === undefined ? {} : { format }
}

interface Next extends ReencryptOptions {
  readonly donors?: Donors
}

async function nextVersion(
  old: Buffer,
  { loaded, metadata, documents, key: oldKey }: Opened,
  plaintext: Uint8Array,
  next: Next,
): Promise<Reencrypted> {
  const { format } = loaded
  const wanted = await loadPlain(plaintext, format)
  await refuseEncrypted(plaintext, wanted, format)
  const access = accessOf(metadata, next.recipients, next.newKey ?? false)
  const { rekeyed, added, removed } = access
  const key = rekeyed ? newDataKey() : oldKey
  try {
    const { rule, macOnlyEncrypted } = choose(metadata, next, format)
    const how = { key, isSelected: await selector(rule), macOnlyEncrypted }
    const closed = closeDocuments(wanted, rekeyed || next.donors === undefined ? how : { ...how, reuse: next.donors.reuse })
    const now = { ...metadata, ...(await giveAccess(key, metadata, access)), rule, macOnlyEncrypted }
    const result = { rekeyed, added, removed, ...closed.count }
    if (!rekeyed && sameRule(metadata, now) && isSame(old, { loaded, documents }, closed.documents, plaintext)) {
      if (access.recipients === null) return { bytes: old, changed: false, ...result }
      return { bytes: emitEncrypted(loaded.documents, writeMetadata(now), format), changed: true, ...result }
    }
    const lastModified = stamp(next.now)
    const block = writeMetadata({ ...now, lastModified, mac: sealMac(closed.digest, key, lastModified) })
    return { bytes: emitEncrypted(closed.documents, block, format), changed: true, ...result }
  } finally {
    if (rekeyed) key.fill(0)
  }
}

/** The same text in clear, or one that is encrypted to the same text: one that differs in what SOPS does not keep. */
function isSame(
  old: Buffer,
  { loaded, documents }: Pick<Opened, 'loaded' | 'documents'>,
  closed: Documents,
  plaintext: Uint8Array,
): boolean {
  if (emitEncrypted(closed, loaded.block, loaded.format).equals(old)) return true
  const before = emitPlain(documents, loaded.format)
  try {
    return before.equals(plaintext)
  } finally {
    before.fill(0)
  }
}

type Choice = Pick<Metadata, 'rule' | 'macOnlyEncrypted'>

function choose(metadata: Metadata, next: Next, format: SopsFormat): Choice {
  const rule = format === 'binary' ? metadata.rule : (next.rule ?? metadata.rule)
  return { rule, macOnlyEncrypted: next.macOnlyEncrypted ?? metadata.macOnlyEncrypted }
}

function sameRule(one: Choice, two: Choice): boolean {
  return one.macOnlyEncrypted === two.macOnlyEncrypted && JSON.stringify(one.rule) === JSON.stringify(two.rule)
}

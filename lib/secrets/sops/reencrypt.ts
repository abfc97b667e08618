import { accessOf, giveAccess } from './access.ts'
import { newDataKey } from './cipher.ts'
import { closeDocuments, type ValueCount } from './close.ts'
import type { Branch } from './document.ts'
import { emitEncrypted, emitPlain, layoutFor } from './emit.ts'
import type { SopsFormat } from './file-format.ts'
import { sourceOf } from './plain-source.ts'
import { sealMac } from './mac.ts'
import { writeMetadata } from './metadata-write.ts'
import type { Metadata } from './metadata.ts'
import { openSops, refuseMisread, type Opened } from './open.ts'
import { newDonors, type Donors } from './reuse.ts'
import type { ReencryptOptions } from './reencrypt-options.ts'
import { selector } from './rules.ts'
import { stamp } from './time.ts'

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
  const plaintext = await emitPlain(opened.loaded, opened)
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

async function nextVersion(old: Buffer, opened: Opened, plaintext: Uint8Array, next: Next): Promise<Reencrypted> {
  const { loaded, metadata } = opened
  const { format } = loaded
  const choice = choose(metadata, next, format)
  const isSelected = await selector(choice.rule)
  const source = await sourceOf(plaintext, { input: next.input ?? format, format, isSelected, indents: next.indents })
  const access = accessOf(metadata, next.recipients, next.newKey ?? false)
  const { rekeyed, added, removed } = access
  const key = rekeyed ? newDataKey() : opened.key
  try {
    const how = { key, isSelected, macOnlyEncrypted: choice.macOnlyEncrypted }
    const closed = closeDocuments(
      source.documents,
      rekeyed || next.donors === undefined ? how : { ...how, reuse: next.donors.reuse(source.documents, isSelected) },
    )
    const layout = layoutFor(loaded, source)
    const emit = (block: Branch, unchecked = false): Promise<Buffer> => emitEncrypted(source, closed, { format, block, layout, unchecked })
    const now = { ...metadata, ...(await giveAccess(key, metadata, access)), ...choice }
    const result = { rekeyed, added, removed, ...closed.count }
    const same =
      !rekeyed && sameRule(metadata, choice) && ((await emit(loaded.taken.block, true)).equals(old) || (await isPlainOf(opened, plaintext)))
    if (same && access.recipients === null) return { bytes: old, changed: false, ...result }
    if (same) return { bytes: await emit(writeMetadata(now)), changed: true, ...result }
    const lastModified = stamp(next.now)
    const mac = sealMac(closed.digest, key, lastModified)
    const bytes = await emit(writeMetadata({ ...now, lastModified, mac }))
    await refuseMisread(bytes, key, { format, rule: choice.rule })
    return { bytes, changed: true, ...result }
  } finally {
    if (rekeyed) key.fill(0)
  }
}

async function isPlainOf(opened: Opened, plaintext: Uint8Array): Promise<boolean> {
  const before = await emitPlain(opened.loaded, opened)
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

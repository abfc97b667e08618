import { GitopsError, printable } from '../../model/errors.ts'
import type { AgeIdentity } from '../age.ts'
import { faultKind } from '../fault.ts'
import type { Documents } from './document.ts'
import { readMetadata } from './metadata.ts'
import { openSops } from './open.ts'
import { outline, outlineMetadata, shown, type Entry } from './outline.ts'
import { loadEncrypted } from './store.ts'

/** How an encrypted file is shown for comparing. */
export interface ViewOptions {
  readonly identities: readonly AgeIdentity[]
  /** A mark that is equal for equal values at one place, and from which nobody can guess the value; null where there is none. */
  readonly mark: ((path: string, bytes: Buffer) => string) | null
  /** A mark of a ciphertext. */
  readonly cipherMark: (text: string) => string
  readonly showValues: boolean
}

/**
 * An encrypted file as lines that Git can compare: a line for each value with its key, and for an encrypted one a mark in
 * the place of the value. Without a key the ciphertexts are marked. Null for what is no encrypted file that can be read.
 */
export async function diffView(bytes: Uint8Array, options: ViewOptions): Promise<string | null> {
  const loaded = await loadEncrypted(bytes).catch(() => null)
  if (loaded === null) return null
  const { opened, notes } = await open(bytes, options.identities)
  const documents = outline(loaded.taken.documents, opened).map((entries) => entries.map((entry) => line(entry, options)).join(''))
  const lines = [
    ...notes.map((note) => `! ${note}\n`),
    documents.join('---\n'),
    ...outlineMetadata(readMetadata(loaded.taken.block)).map((text) => `${text}\n`),
  ]
  // What reorders or hides text on a terminal is for whoever reviews to see.
  return printable(lines.join(''))
}

/** What opens, and what is wrong with it: a file that cannot be trusted can still be compared. */
async function open(bytes: Uint8Array, identities: readonly AgeIdentity[]): Promise<{ opened: Documents | null; notes: string[] }> {
  try {
    const { documents, key } = await openSops(bytes, identities)
    key.fill(0)
    return { opened: documents, notes: [] }
  } catch (error) {
    const kind = faultKind(error)
    if (!(error instanceof GitopsError) || kind === null) throw error
    if (kind === 'no-key') return { opened: null, notes: [] }
    if (kind !== 'mac') return { opened: null, notes: [error.message] }
    const { documents, key } = await openSops(bytes, identities, { ignoreMac: true })
    key.fill(0)
    return { opened: documents, notes: [error.message] }
  }
}

function line({ path, what }: Entry, { mark, cipherMark, showValues }: ViewOptions): string {
  if (what.kind === 'empty') return `${path}: ${what.text}\n`
  if (what.kind === 'clear') return `${path}: ${shown(what.value)}\n`
  if (what.kind === 'closed') return `${path}: ${measure(what.text)}, ciphertext ${cipherMark(what.text)}\n`
  if (showValues) return `${path}: ${shown(what.value)}\n`
  const size = `${what.type}, ${what.bytes.length} bytes`
  return `${path}: ${size}, ${mark === null ? `ciphertext ${cipherMark(what.text)}` : `#${mark(path, what.bytes)}`}\n`
}

/** Type and length stand in the ciphertext for everybody to see. */
function measure(text: string): string {
  const [, data = '', type = ''] = /data:([^,]*),.*type:(\w+)/s.exec(text) ?? []
  return `${type}, ${Buffer.from(data, 'base64').length} bytes`
}

import { convert } from './convert.ts'
import { branch, lookup, type Branch, type Documents } from './document.ts'
import { FORMAT_NAMES, type SopsFormat } from './file-format.ts'
import { unwritable } from './flat-text.ts'
import { applyEdits, type Change, type Source } from './format.ts'
import { BINARY_KEY, storeOf, type Loaded } from './store.ts'

/** Documents that were encrypted or decrypted, and where their values stand. */
export interface Changed {
  readonly documents: Documents
  readonly changes: readonly Change[]
}

/** The file in clear: the encrypted one with its values decrypted and its block gone, or what it says in another format. Throws `shape`. */
export async function emitPlain({ format, source, taken }: Loaded, { documents, changes }: Changed, output = format): Promise<Buffer> {
  if (output === 'binary') return emitData(convert(documents, format, output))
  const store = storeOf(output)
  if (output !== format) return Buffer.from(store.write(convert(documents, format, output), null), 'utf8')
  const edits = source.kept ? changes.flatMap((change) => store.reveal(source, change)) : null
  const text = edits === null ? null : applyEdits(source.text, [...edits, ...taken.edits])
  const isRight =
    text !== null &&
    (!changes.some((change) => store.isTricky?.(change)) || store.isRight === undefined || (await store.isRight(text, documents)))
  const written = isRight ? text : store.write(convert(documents, format, output), null, store.layoutOf(source) ?? undefined)
  return Buffer.from((source.mark ?? '') + written, 'utf8')
}

function emitData(documents: Documents): Buffer {
  const data = lookup(documents[0] ?? branch(), BINARY_KEY)
  if (typeof data === 'string') return Buffer.from(data, 'utf8')
  if (Buffer.isBuffer(data)) return Buffer.from(data)
  throw unwritable('there is no text', 'under `data`', FORMAT_NAMES.binary)
}

/** How an encrypted file is written. */
export interface Encrypting {
  readonly format: SopsFormat
  readonly block: Branch
  /** Of the whole file, one that its store gave; the author's own unless given. */
  readonly layout?: unknown
  /** For a text that is only to be compared with a file. */
  readonly unchecked?: boolean
}

/** The encrypted file: the one in clear with its values encrypted and a block. */
export async function emitEncrypted(source: Source, { documents, changes }: Changed, how: Encrypting): Promise<Buffer> {
  const { format, block, layout = null, unchecked = false } = how
  const store = storeOf(format)
  const write = (): Buffer => Buffer.from(store.write(documents, block, layout ?? source.usual), 'utf8')
  if (!source.kept || layout !== null) return write()
  const edits = changes.flatMap((change) => store.conceal(source, change))
  const text = applyEdits(source.text, [...edits, ...store.addBlock(source, block, changes)])
  if (unchecked || store.isRight === undefined || (await store.isRight(text, documents, block)))
    return Buffer.from((source.mark ?? '') + text, 'utf8')
  return write()
}

/**
 * The layout of the next version of a file; null where that of the plaintext is to stay. A file that SOPS made, or one like it,
 * keeps its own when the plaintext has none but an indentation: two that differ in nothing else are no reason for every line to change.
 */
export function layoutFor({ format, source }: Loaded, next: Source): unknown {
  const store = storeOf(format)
  const layout = store.layoutOf(source)
  return format === 'binary' || (layout !== null && (!next.kept || store.layoutOf(next) !== null)) ? layout : null
}

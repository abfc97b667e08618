import { fault } from '../fault.ts'
import { isEncrypted } from './cipher.ts'
import { branch, item, lookup, textOrBytes, type Branch, type Documents } from './document.ts'
import { applyEdits, type Change, type Source, type Store, type Taken } from './format.ts'
import { jsonStore } from './json-store.ts'
import { yamlStore } from './yaml-store.ts'

/**
 * How a file is encrypted. `json` and `yaml` keep their structure in clear; `binary` is any file as one value in a
 * JSON envelope, also when what it holds is itself JSON.
 */
export type SopsFormat = 'json' | 'yaml' | 'binary'

/** The key that holds the whole file in a binary envelope. */
const BINARY_KEY = 'data'

/** An encrypted file taken apart, not yet decrypted. */
export interface Loaded {
  readonly format: SopsFormat
  /** The text, and what it says, the block included. */
  readonly source: Source
  /** The block, and the documents without it. */
  readonly taken: Taken
}

/** What reads and writes a format. */
export function storeOf(format: SopsFormat): Store {
  return format === 'yaml' ? yamlStore : jsonStore
}

/**
 * An encrypted file by its content, whatever its name; null for a readable file without a `sops` block.
 * Throws `empty`, `syntax` or `metadata`.
 */
export async function loadEncrypted(bytes: Uint8Array, format?: SopsFormat): Promise<Loaded | null> {
  const text = decoded(bytes)
  if (text.trim() === '') throw fault('empty', 'is empty', { hint: 'Take its last good version from Git, or encrypt it again.' })
  refuseOthers(text)
  const { source, store } = await parse(text, format)
  const taken = store.takeBlock(source)
  if (taken === null) return null
  return { format: format ?? (store === jsonStore ? jsonFormat(taken.documents) : 'yaml'), source, taken }
}

/** A file in clear. Throws `syntax` or `plaintext`. */
export async function loadPlain(bytes: Uint8Array, format: SopsFormat): Promise<Source> {
  if (format !== 'binary') return storeOf(format).read(decoded(bytes))
  return { text: '', documents: [branch(item(BINARY_KEY, textOrBytes(Buffer.from(bytes))))], kept: false }
}

/** The file in clear: the encrypted one with its values decrypted and its block gone. */
export function emitPlain({ format, source, taken }: Loaded, documents: Documents, changes: readonly Change[]): Buffer {
  const store = storeOf(format)
  if (format !== 'binary') {
    const text = source.kept
      ? applyEdits(source.text, [...changes.flatMap((change) => store.reveal(source, change)), ...taken.edits])
      : null
    return Buffer.from(text ?? store.write(documents, null), 'utf8')
  }
  const data = lookup(documents[0] ?? branch(), BINARY_KEY)
  if (typeof data === 'string') return Buffer.from(data, 'utf8')
  if (Buffer.isBuffer(data)) return Buffer.from(data)
  throw fault('metadata', 'is no binary SOPS file: it has no text under `data`')
}

/** The encrypted file: the one in clear with its values encrypted and a block, or in a layout that its store gave. */
export function emitEncrypted(source: Source, closed: ClosedDocuments, block: Branch, format: SopsFormat, layout: unknown = null): Buffer {
  const store = storeOf(format)
  if (!source.kept || layout !== null) return Buffer.from(store.write(closed.documents, block, layout ?? undefined), 'utf8')
  const edits = closed.changes.flatMap((change) => store.conceal(source, change))
  return Buffer.from(applyEdits(source.text, [...edits, ...store.addBlock(source, block)]), 'utf8')
}

type ClosedDocuments = { readonly documents: Documents; readonly changes: readonly Change[] }

async function parse(text: string, format?: SopsFormat): Promise<{ source: Source; store: Store }> {
  const looksJson = format === undefined ? text.trimStart().startsWith('{') : format !== 'yaml'
  if (!looksJson) return { source: await yamlStore.read(text), store: yamlStore }
  try {
    return { source: await jsonStore.read(text), store: jsonStore }
  } catch (error) {
    if (format !== undefined) throw error
    // A mapping in flow style is YAML; a broken JSON file is broken YAML as well, and its own message is the better one.
    const source = await Promise.resolve(yamlStore.read(text)).catch(() => null)
    if (source === null || source.documents.length === 0) throw error
    return { source, store: yamlStore }
  }
}

function jsonFormat(documents: readonly Branch[]): SopsFormat {
  const items = documents[0]?.items ?? []
  const [only] = items
  const isEnvelope = items.length === 1 && only?.kind === 'item' && only.key === BINARY_KEY && typeof only.value === 'string'
  return isEnvelope && (only.value === '' || isEncrypted(only.value as string)) ? 'binary' : 'json'
}

function decoded(bytes: Uint8Array): string {
  const text = textOrBytes(Buffer.from(bytes))
  if (typeof text !== 'string') throw fault('syntax', 'is not a text file in UTF-8')
  return text.replace(/^\uFEFF/, '')
}

/**
 * Whether a file looks encrypted by SOPS in any of its formats, also when it is broken or of a format that cannot be
 * read here. Cheap, for judging files that nobody declared as encrypted.
 */
export function looksEncrypted(bytes: Uint8Array): boolean {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (!content.includes('sops')) return false
  // An empty value is never encrypted, but the MAC always is.
  return content.includes('ENC[AES256_GCM,data:') && /"sops"\s*:|^sops:|^sops_mac=|^\[sops\]/m.test(content.toString('latin1'))
}

/** SOPS has two formats more, whose blocks are flat. */
function refuseOthers(text: string): void {
  const kind = /^sops_mac=/m.test(text) ? 'dotenv' : /^\[sops\]$/m.test(text) ? 'INI' : null
  if (kind === null) return
  throw fault('unsupported', `is a SOPS file in ${kind} format, which is not supported yet`, { hint: 'Use JSON, YAML or binary.' })
}

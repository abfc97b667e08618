import { fault } from '../fault.ts'
import { branch, isBranch, item, lookup, textOrBytes, type Branch, type Documents, type Value } from './document.ts'
import { isEncrypted } from './cipher.ts'
import { readJson, writeJson } from './json.ts'
import { METADATA_KEY } from './metadata.ts'
import { readYaml } from './yaml-read.ts'
import { writeYaml } from './yaml-write.ts'

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
  readonly documents: Branch[]
  /** The `sops` block, still as it stands in the file. */
  readonly block: Branch
}

/**
 * An encrypted file by its content, whatever its name; null for a readable file without a `sops` block.
 * Throws `empty`, `syntax` or `metadata`.
 */
export async function loadEncrypted(bytes: Uint8Array, format?: SopsFormat): Promise<Loaded | null> {
  const text = decoded(bytes)
  if (text.trim() === '') throw fault('empty', 'is empty', { hint: 'Take its last good version from Git, or encrypt it again.' })
  refuseOthers(text)
  const { documents, isJson } = await parse(text, format)
  const block = takeBlock(documents)
  return block === null ? null : { format: format ?? (isJson ? jsonFormat(documents) : 'yaml'), documents, block }
}

/** A file in clear as documents. Throws `syntax` or `plaintext`. */
export async function loadPlain(bytes: Uint8Array, format: SopsFormat): Promise<Branch[]> {
  if (format === 'binary') return [branch(item(BINARY_KEY, textOrBytes(Buffer.from(bytes))))]
  const text = decoded(bytes)
  return format === 'json' ? [readJson(text)] : readYaml(text)
}

/** Decrypted documents as the bytes of the file in clear. */
export function emitPlain(documents: Documents, format: SopsFormat): Buffer {
  if (format === 'yaml') return Buffer.from(writeYaml(documents), 'utf8')
  const first = documents[0] ?? branch()
  if (format === 'json') return Buffer.from(writeJson(first), 'utf8')
  const data = lookup(first, BINARY_KEY)
  if (typeof data === 'string') return Buffer.from(data, 'utf8')
  if (Buffer.isBuffer(data)) return Buffer.from(data)
  throw fault('metadata', 'is no binary SOPS file: it has no text under `data`')
}

/** Encrypted documents with their `sops` block. In YAML every document carries it. */
export function emitEncrypted(documents: Documents, block: Branch, format: SopsFormat): Buffer {
  const whole = documents.map((document) => branch(...document.items, item(METADATA_KEY, block)))
  return Buffer.from(format === 'yaml' ? writeYaml(whole) : writeJson(whole[0] ?? branch()), 'utf8')
}

async function parse(text: string, format?: SopsFormat): Promise<{ documents: Branch[]; isJson: boolean }> {
  const looksJson = format === undefined ? text.trimStart().startsWith('{') : format !== 'yaml'
  if (!looksJson) return { documents: await readYaml(text), isJson: false }
  try {
    return { documents: [readJson(text)], isJson: true }
  } catch (error) {
    if (format !== undefined) throw error
    // A mapping in flow style is YAML; a broken JSON file is broken YAML as well, and its own message is the better one.
    const documents = await readYaml(text).catch(() => null)
    if (documents === null || documents.length === 0) throw error
    return { documents, isJson: false }
  }
}

/** The block of the first document; it is taken out of every one. */
function takeBlock(documents: Branch[]): Branch | null {
  let block: Branch | null = null
  documents.forEach((document, index) => {
    const blocks = document.items.filter((entry) => entry.kind === 'item' && entry.key === METADATA_KEY)
    if (index === 0) block = firstBlock(blocks.map((entry) => (entry.kind === 'item' ? entry.value : null)))
    document.items.splice(0, document.items.length, ...document.items.filter((entry) => !blocks.includes(entry)))
  })
  return block
}

function firstBlock(values: readonly Value[]): Branch | null {
  const [first] = values
  if (first === undefined) return null
  if (values.length > 1) throw fault('metadata', `has two \`${METADATA_KEY}\` blocks`)
  if (!isBranch(first)) throw fault('metadata', `has a \`${METADATA_KEY}\` key that is no block of SOPS`)
  return first
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

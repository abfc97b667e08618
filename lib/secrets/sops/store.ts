import { GitopsError } from '../../model/errors.ts'
import { fault, faultKind } from '../fault.ts'
import { branch, item, textOrBytes } from './document.ts'
import { dotenvStore } from './dotenv-store.ts'
import type { SopsFormat } from './file-format.ts'
import type { Source, Store, Taken } from './format.ts'
import { iniStore } from './ini-store.ts'
import { jsonStore } from './json-store.ts'
import { METADATA_KEY } from './metadata.ts'
import { isEnvelope, sniff } from './sniff.ts'
import { yamlStore } from './yaml-store.ts'

/** The key that holds the whole file in a binary envelope. */
export const BINARY_KEY = 'data'

/** An encrypted file taken apart, not yet decrypted. */
export interface Loaded {
  readonly format: SopsFormat
  /** The text, and what it says, the block included. */
  readonly source: Source
  /** The block, and the documents without it. */
  readonly taken: Taken
}

const MARK = '\uFEFF'

const STORES: Readonly<Record<SopsFormat, Store>> = {
  json: jsonStore,
  yaml: yamlStore,
  dotenv: dotenvStore,
  ini: iniStore,
  binary: jsonStore,
}

/** What reads and writes a format. */
export function storeOf(format: SopsFormat): Store {
  return STORES[format]
}

/**
 * An encrypted file by its content, whatever its name; null for a readable file without a `sops` block.
 * Throws `empty`, `syntax` or `metadata`.
 */
export async function loadEncrypted(bytes: Uint8Array, format?: SopsFormat): Promise<Loaded | null> {
  const text = decoded(bytes)
  if (text.trim() === '') throw fault('empty', 'is empty', { hint: 'Take its last good version from Git, or encrypt it again.' })
  const parsed = await parse(text, format).catch(asChanged)
  if (parsed === null) return null
  const { source, found } = parsed
  const taken = storeOf(found).takeBlock(source)
  if (taken === null) return null
  const isBinary = format === undefined && found === 'json' && isEnvelope(taken.documents[0] ?? branch(), taken.block)
  return { format: isBinary ? 'binary' : found, source, taken }
}

/** A file in clear. Throws `syntax` or `plaintext`. */
export async function loadPlain(bytes: Uint8Array, format: SopsFormat): Promise<Source> {
  if (format !== 'binary') return readMarked(decoded(bytes), format)
  return { text: '', documents: [branch(item(BINARY_KEY, textOrBytes(Buffer.from(bytes))))], kept: false }
}

/** A value or key that SOPS could not have encrypted came in later. */
function asChanged(error: unknown): never {
  if (!(error instanceof GitopsError) || faultKind(error) !== 'plaintext') throw error
  throw fault('value', error.message, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) })
}

/** Null for a text that is nothing and says nothing of SOPS. */
async function parse(text: string, format?: SopsFormat): Promise<{ source: Source; found: SopsFormat } | null> {
  const found = format ?? sniff(text)
  try {
    return { source: await readMarked(text, found), found }
  } catch (error) {
    if (format !== undefined) throw error
    if (found === 'yaml' && !text.includes(METADATA_KEY)) return null
    // A mapping in flow style is YAML; a broken JSON file is broken YAML as well, and its own message is the better one.
    const source = found === 'json' ? await readMarked(text, 'yaml').catch(() => null) : null
    if (source === null || source.documents.length === 0) throw error
    return { source, found: 'yaml' }
  }
}

function decoded(bytes: Uint8Array): string {
  const text = textOrBytes(Buffer.from(bytes))
  if (typeof text !== 'string') throw fault('syntax', 'is not a text file in UTF-8')
  return text
}

/** A byte order mark is put aside, but where SOPS takes it for a part of the first key; it stays where SOPS reads past it. */
async function readMarked(text: string, format: SopsFormat): Promise<Source> {
  if (format === 'dotenv' || !text.startsWith(MARK)) return storeOf(format).read(text)
  const source = await storeOf(format).read(text.slice(MARK.length))
  return format === 'yaml' ? { ...source, mark: MARK } : source
}

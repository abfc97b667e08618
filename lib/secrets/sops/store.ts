import { GitopsError } from '../../model/errors.ts'
import { fault, faultKind } from '../fault.ts'
import { branch, item, lookup, textOrBytes, type Branch, type Documents } from './document.ts'
import { convert } from './convert.ts'
import { dotenvStore } from './dotenv-store.ts'
import { FORMAT_NAMES, type SopsFormat } from './file-format.ts'
import { unwritable } from './flat-text.ts'
import { applyEdits, type Change, type Source, type Store, type Taken } from './format.ts'
import { iniStore } from './ini-store.ts'
import { jsonStore } from './json-store.ts'
import { METADATA_KEY } from './metadata.ts'
import { isEnvelope, sniff } from './sniff.ts'
import { yamlStore } from './yaml-store.ts'

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
  if (format !== 'binary') return storeOf(format).read(marked(decoded(bytes), format))
  return { text: '', documents: [branch(item(BINARY_KEY, textOrBytes(Buffer.from(bytes))))], kept: false }
}

/** The file in clear: the encrypted one with its values decrypted and its block gone, or what it says in another format. Throws `shape`. */
export function emitPlain({ format, source, taken }: Loaded, documents: Documents, changes: readonly Change[], output = format): Buffer {
  const store = storeOf(output)
  if (output !== 'binary') {
    const text =
      source.kept && output === format
        ? applyEdits(source.text, [...changes.flatMap((change) => store.reveal(source, change)), ...taken.edits])
        : null
    return Buffer.from(text ?? store.write(convert(documents, format, output), null), 'utf8')
  }
  const data = lookup(convert(documents, format, output)[0] ?? branch(), BINARY_KEY)
  if (typeof data === 'string') return Buffer.from(data, 'utf8')
  if (Buffer.isBuffer(data)) return Buffer.from(data)
  throw unwritable('there is no text', 'under `data`', FORMAT_NAMES[output])
}

/** The encrypted file: the one in clear with its values encrypted and a block, or in a layout that its store gave. */
export function emitEncrypted(source: Source, closed: ClosedDocuments, block: Branch, format: SopsFormat, layout: unknown = null): Buffer {
  const store = storeOf(format)
  if (!source.kept || layout !== null) return Buffer.from(store.write(closed.documents, block, layout ?? undefined), 'utf8')
  const edits = closed.changes.flatMap((change) => store.conceal(source, change))
  return Buffer.from(applyEdits(source.text, [...edits, ...store.addBlock(source, block, closed.changes)]), 'utf8')
}

/** A value or key that SOPS could not have encrypted came in later. */
function asChanged(error: unknown): never {
  if (!(error instanceof GitopsError) || faultKind(error) !== 'plaintext') throw error
  throw fault('value', error.message, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) })
}

type ClosedDocuments = { readonly documents: Documents; readonly changes: readonly Change[] }

/** Null for a text that is nothing and says nothing of SOPS. */
async function parse(text: string, format?: SopsFormat): Promise<{ source: Source; found: SopsFormat } | null> {
  const found = format ?? sniff(text)
  try {
    return { source: await storeOf(found).read(marked(text, found)), found }
  } catch (error) {
    if (format !== undefined) throw error
    if (found === 'yaml' && !text.includes(METADATA_KEY)) return null
    // A mapping in flow style is YAML; a broken JSON file is broken YAML as well, and its own message is the better one.
    const source = found === 'json' ? await Promise.resolve(yamlStore.read(marked(text, 'yaml'))).catch(() => null) : null
    if (source === null || source.documents.length === 0) throw error
    return { source, found: 'yaml' }
  }
}

function decoded(bytes: Uint8Array): string {
  const text = textOrBytes(Buffer.from(bytes))
  if (typeof text !== 'string') throw fault('syntax', 'is not a text file in UTF-8')
  return text
}

/** A byte order mark goes, but where SOPS takes it for a part of the first key. */
function marked(text: string, format: SopsFormat): string {
  return format === 'dotenv' ? text : text.replace(/^\uFEFF/, '')
}

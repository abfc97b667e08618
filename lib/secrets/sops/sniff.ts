import { isEncrypted } from './cipher.ts'
import { lookup, type Branch } from './document.ts'
import { SELECTORS } from './metadata.ts'

/** A mapping under the key of SOPS, at the top of YAML in block style. */
const YAML_BLOCK = /^(?:sops|"sops"|'sops')[ \t]*:(?:[ \t]*(?:#.*)?\r?\n[ \t]+\S|[ \t]+[{&!])/m
const DOTENV_BLOCK = /^sops_\w+=/m
const INI_BLOCK = /^[ \t]*\[sops\]/m
const JSON_BLOCK = /"sops"\s*:/

/** What the text of an encrypted file is written in. JSON stands for both envelopes, and for YAML that is one mapping in flow style. */
export function sniff(text: string): 'json' | 'yaml' | 'dotenv' | 'ini' {
  if (text.trimStart().startsWith('{')) return 'json'
  if (YAML_BLOCK.test(text)) return 'yaml'
  if (DOTENV_BLOCK.test(text)) return 'dotenv'
  return INI_BLOCK.test(text) ? 'ini' : 'yaml'
}

/**
 * Whether encrypted JSON is the envelope of any file, its bytes being the one value `data`. An object that had such a key and no
 * other looks the same, so the selector decides: SOPS from 3.11 on writes none into an envelope, and one into any other file.
 * Older ones wrote `unencrypted_suffix: _unencrypted` into both, and of those an envelope is by far the more likely.
 */
export function isEnvelope(document: Branch, block: Branch): boolean {
  const [only, ...others] = document.items
  if (others.length > 0 || only?.kind !== 'item' || only.key !== 'data' || typeof only.value !== 'string') return false
  if (only.value !== '' && !isEncrypted(only.value)) return false
  const set = SELECTORS.filter((name) => lookup(block, name) !== undefined && lookup(block, name) !== '' && lookup(block, name) !== null)
  if (set.length === 0) return true
  return isBefore311(lookup(block, 'version')) && set.length === 1 && lookup(block, 'unencrypted_suffix') === '_unencrypted'
}

function isBefore311(version: unknown): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(typeof version === 'string' ? version : '') ?? []
  return major !== undefined && (Number(major) < 3 || (Number(major) === 3 && Number(minor) < 11))
}

/**
 * Whether a file looks encrypted by SOPS in any of its formats, also when it is broken or of a format that cannot be
 * read here. Cheap, for judging files that nobody declared as encrypted.
 */
export function looksEncrypted(bytes: Uint8Array): boolean {
  const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  // An empty value is never encrypted, but the MAC always is.
  if (!content.includes('sops') || !content.includes('ENC[AES256_GCM,data:')) return false
  const text = content.toString('latin1')
  return [JSON_BLOCK, YAML_BLOCK, DOTENV_BLOCK, INI_BLOCK].some((block) => block.test(text))
}

/** Whether a document in clear already has what SOPS keeps for itself in this format. */
export function hasBlock(document: Branch, format: string): boolean {
  if (format === 'dotenv') return document.items.some((entry) => entry.kind === 'item' && entry.key.startsWith('sops_'))
  return lookup(document, 'sops') !== undefined
}

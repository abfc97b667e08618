import { fault } from '../fault.ts'
import { isBranch, isComment, isList, isTime, type Branch, type Item, type Value } from './document.ts'
import { DEFAULT_RULE, type Rule } from './rules.ts'
import { rfc3339, wholeSeconds } from './time.ts'

/** One recipient of a file: its public key, and the data key wrapped for it as an armored age file. */
export interface AgeEntry {
  readonly recipient: string
  readonly enc: string
}

/** Keys of which any one is enough. */
export interface KeyGroup {
  readonly age: readonly AgeEntry[]
  /** Kinds of keys in it that are not age, as they are named in the file: `pgp`, `kms`. */
  readonly others: readonly string[]
  /** The mapping it was read from, with all that is not understood here; null for a new one. */
  readonly from: Branch | null
}

/** The `sops` block of a file. */
export interface Metadata {
  readonly groups: readonly KeyGroup[]
  /** How many groups are needed; only meaningful with more than one. */
  readonly threshold: number
  /** The text that the MAC is bound to. */
  readonly lastModified: string
  /** Encrypted; empty when the file has none. */
  readonly mac: string
  readonly rule: Rule
  readonly macOnlyEncrypted: boolean
  readonly version: string
  /** The block it was read from, whose order and unknown fields stay when it is written again; null for a new one. */
  readonly from: Branch | null
}

/** Lists of keys that are not age, which other tools than this one open. */
export const OTHER_KEYS = ['kms', 'gcp_kms', 'hckms', 'azure_kv', 'hc_vault', 'pgp'] as const
const SUFFIX_RULES = ['unencrypted_suffix', 'encrypted_suffix'] as const
const PATTERN_RULES = ['unencrypted_regex', 'encrypted_regex', 'unencrypted_comment_regex', 'encrypted_comment_regex'] as const
/** The fields that say which values are encrypted; a file has at most one. */
export const SELECTORS = [...SUFFIX_RULES, ...PATTERN_RULES] as const

/** Without one that it can compare SOPS decrypts nothing. Version 1 was not yet strict about it. */
const VERSION = /^(?:1\.|v?(?:(?:0|[1-9]\d*)\.){2}(?:0|[1-9]\d*)(?:-[\w.-]+)?(?:\+[\w.-]+)?$)/

/** The key that SOPS keeps for itself at the top of a document. */
export const METADATA_KEY = 'sops'

/** The dialect we write: the version of SOPS whose files ours are like. */
export const DIALECT = '3.13.3'

/** The block as data. Throws `metadata` with the field that is wrong. */
export function readMetadata(block: Branch): Metadata {
  // JSON allows it, and then readers choose differently.
  const names = block.items.flatMap((entry) => (entry.kind === 'item' ? [entry.key] : []))
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw broken(`its \`${twice}\` is there twice`)
  const groups = readGroups(block)
  const modified = rfc3339(text(block, 'lastmodified'))
  if (modified === null) throw broken('its `lastmodified` is missing or not a time')
  const threshold = text(block, 'shamir_threshold')
  const version = text(block, 'version')
  if (!VERSION.test(version)) throw broken('its `version` is missing or not a version')
  if (!/^\d*$/.test(threshold)) throw broken('its `shamir_threshold` is not a number')
  return {
    groups,
    threshold: Number(threshold) || groups.length,
    lastModified: wholeSeconds(modified),
    mac: text(block, 'mac'),
    rule: readRule(block),
    macOnlyEncrypted: flag(block, 'mac_only_encrypted'),
    version,
    from: block,
  }
}

function readGroups(block: Branch): KeyGroup[] {
  const own = readGroup(block)
  if (own.age.length > 0 || own.others.length > 0) return [own]
  const groups = field(block, 'key_groups')
  const read = groups !== undefined && isList(groups) ? groups.items.filter(isBranch).map(readGroup) : []
  if (read.length === 0) throw broken('it names no keys')
  return read
}

function readGroup(from: Branch): KeyGroup {
  return {
    age: keysOf(from, 'age').map((entry) => ({ recipient: text(entry, 'recipient'), enc: text(entry, 'enc') })),
    others: OTHER_KEYS.filter((kind) => keysOf(from, kind).length > 0),
    from,
  }
}

/** SOPS takes a key alone for a list of one. */
function keysOf(from: Branch, kind: string): readonly Branch[] {
  const keys = field(from, kind) ?? null
  if (keys === null || keys === '') return []
  if (isBranch(keys)) return keys.items.length === 0 ? [] : [keys]
  const items = isList(keys) ? keys.items.filter((entry) => !isComment(entry)) : [keys]
  return items.map((entry) => (isBranch(entry) ? entry : refuse(`its \`${kind}\` is not a list of keys`)))
}

function refuse(what: string): never {
  throw broken(what)
}

function readRule(block: Branch): Rule {
  const rules: Rule[] = []
  for (const kind of SUFFIX_RULES) if (text(block, kind) !== '') rules.push({ kind, suffix: text(block, kind) })
  for (const kind of PATTERN_RULES) if (text(block, kind) !== '') rules.push({ kind, pattern: text(block, kind) })
  if (rules.length > 1) throw broken(`it has ${rules.map(({ kind }) => kind).join(' and ')}, of which a file can have one`)
  return rules[0] ?? DEFAULT_RULE
}

function field(from: Branch, name: string): Value | undefined {
  return fieldItem(from, name)?.value
}

/** The item of a block with this name. SOPS takes field names in any case, and the exact one before others. */
export function fieldItem(from: Branch, name: string): Item | undefined {
  const items = from.items.filter((entry) => entry.kind === 'item')
  return items.find(({ key }) => key === name) ?? items.find(({ key }) => key.toLowerCase() === name)
}

/** SOPS takes numbers and yes or no for text as well. */
function text(from: Branch, name: string): string {
  const value = field(from, name)
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'bigint' || typeof value === 'number') return String(value)
  if (typeof value === 'boolean') return value ? '1' : '0'
  throw broken(`its \`${name}\` is not text${isTime(value) ? ', put it in quotes' : ''}`)
}

function flag(from: Branch, name: string): boolean {
  const value = text(from, name)
  if (['', '0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  throw broken(`its \`${name}\` is neither true nor false`)
}

function broken(what: string): Error {
  return fault('metadata', `has a \`${METADATA_KEY}\` block that cannot be used: ${what}`, {
    hint: 'Take the last good version of the file from Git, or encrypt it again.',
  })
}

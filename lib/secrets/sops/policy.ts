import { fault } from '../fault.ts'
import type { Rule } from './rules.ts'

/** What a `.sops.yaml` says about one file. */
export interface Policy {
  /** The recipients as they are written. */
  readonly recipients: readonly string[]
  readonly rule: Rule | null
  readonly macOnlyEncrypted: boolean
}

const SUFFIXES = ['encrypted_suffix', 'unencrypted_suffix'] as const
const PATTERNS = ['encrypted_regex', 'unencrypted_regex', 'encrypted_comment_regex', 'unencrypted_comment_regex'] as const
/** Kinds of keys that would be dropped in silence if they were ignored. */
const OTHERS = ['pgp', 'kms', 'aws_profile', 'gcp_kms', 'azure_keyvault', 'hc_vault_transit_uri', 'hckms', 'key_groups']

/**
 * The first rule of a `.sops.yaml` that matches a path, as sops takes it. `path` is relative to the file's directory.
 * Throws `metadata` for a file that cannot be read or a rule that cannot be kept, `recipient` when no rule matches.
 */
export async function policyFor(text: string, path: string): Promise<Policy> {
  const { parse } = await import('yaml')
  let rules: unknown
  try {
    rules = (parse(text) as { creation_rules?: unknown } | null)?.creation_rules
  } catch (cause) {
    throw fault('metadata', 'is not YAML', { cause })
  }
  for (const rule of Array.isArray(rules) ? (rules as (Record<string, unknown> | null)[]) : []) {
    if (typeof rule !== 'object' || rule === null) throw fault('metadata', 'has a creation rule that is not a mapping')
    if (await matches(rule['path_regex'], path)) return policyOf(rule)
  }
  throw fault('recipient', `has no creation rule that matches ${path}`, {
    hint: 'Add one with a path_regex for it, or name recipients with --age.',
  })
}

async function matches(pattern: unknown, path: string): Promise<boolean> {
  if (pattern === undefined || pattern === null || pattern === '') return true
  const { RE2JS } = await import('re2js')
  try {
    return RE2JS.compile(pattern as string)
      .matcher(path)
      .find()
  } catch (cause) {
    throw fault('metadata', `has a path_regex that is not a regular expression of RE2: ${JSON.stringify(pattern)}`, { cause })
  }
}

function policyOf(rule: Record<string, unknown>): Policy {
  const other = OTHERS.find((key) => rule[key] !== undefined)
  if (other !== undefined)
    throw fault('unsupported', `has a rule with ${other}, and encrypting to that is not supported`, {
      hint: 'Use sops itself for this file.',
    })
  const selectors = [...SUFFIXES, ...PATTERNS].filter((key) => rule[key] !== undefined)
  const [kind] = selectors
  if (selectors.length > 1) throw fault('metadata', `has a rule with ${selectors.join(' and ')}: at most one can be used`)
  return {
    recipients: recipientsOf(rule['age']),
    rule: kind === undefined ? null : ruleOf(kind, String(rule[kind])),
    macOnlyEncrypted: rule['mac_only_encrypted'] === true,
  }
}

function ruleOf(kind: (typeof SUFFIXES)[number] | (typeof PATTERNS)[number], value: string): Rule {
  return kind === 'encrypted_suffix' || kind === 'unencrypted_suffix' ? { kind, suffix: value } : { kind, pattern: value }
}

/** A text with commas, or a list of such texts. */
function recipientsOf(age: unknown): string[] {
  const items: unknown[] = [age ?? []].flat()
  if (!items.every((item) => typeof item === 'string'))
    throw fault('metadata', 'has a rule whose `age` is neither a text nor a list of texts', { hint: 'Write age: age1…' })
  return items
    .flatMap((item) => item.split(','))
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

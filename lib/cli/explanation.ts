import { existsSync, readFileSync } from 'node:fs'
import { asGitopsError, GitopsError } from '../model/errors.ts'
import { faultKind, inFile } from '../secrets/fault.ts'
import { differences, selectorText, type Difference } from '../secrets/sops/differences.ts'
import { readMetadata, type Metadata } from '../secrets/sops/metadata.ts'
import type { CreationRule } from '../secrets/sops/policy.ts'
import { DEFAULT_RULE } from '../secrets/sops/rules.ts'
import { formatOf, type SopsFormat } from '../secrets/sops/file-format.ts'
import { looksEncrypted } from '../secrets/sops/sniff.ts'
import { loadEncrypted } from '../secrets/sops/store.ts'
import { policyFor, recipientsOf, ruleOf, strayKeysIn, type RuleOptions } from './creation-rule.ts'

/** A creation rule, for people and programs. */
export type SaidRule = Pick<CreationRule, 'number' | 'line' | 'pathRegex'>

/** Whom something is encrypted to, and which of its values. */
export interface Terms {
  readonly groups: readonly (readonly string[])[]
  readonly threshold: number
  /** Kinds of keys that are not age. */
  readonly otherKeys: readonly string[]
  /** As it stands in a `.sops.yaml`. */
  readonly selector: string
  readonly macOnlyEncrypted: boolean
}

/** The rule for a file. */
export interface Chosen {
  readonly policy: string
  /** A `.sops.yml` that lies nearer, and is not read. */
  readonly misnamed: string | null
  /** A sentence a rule that has keys which mean nothing to SOPS. */
  readonly strayKeys: readonly string[]
  readonly rule: SaidRule
  /** The path that the rule was tested against. */
  readonly path: string
  /** Rules further down that match as well. */
  readonly shadowed: readonly SaidRule[]
  readonly terms: Terms
}

/** Why a file is, or would be, encrypted the way it is. */
export interface Explanation {
  readonly file: string
  /** Where it stands once it is encrypted. */
  readonly target: string
  readonly format: SopsFormat
  readonly chosen: Chosen | null
  /** Why there is no rule, or why nothing can be encrypted by it here; else null. */
  readonly problem: string | null
  /** What the encrypted file says of itself; null for one that is not there, or in clear. */
  readonly encrypted: (Terms & Pick<Metadata, 'lastModified' | 'version'>) | null
  readonly differences: readonly Difference[]
}

/**
 * All that can be said without a key. `target` is where `file` goes when it is encrypted; both are absolute. Throws
 * `invalid` for a broken encrypted file or a `.sops.yaml` that cannot be used.
 */
export async function explain(file: string, target: string, options: RuleOptions): Promise<Explanation> {
  const there = await read(target)
  const format = there?.format ?? formatOf(target)
  const encrypted = there === null ? null : termsOf(there.metadata)
  try {
    const paths = target === file ? [file] : [target, file]
    const policy = await policyFor(paths, options)
    const { rule, path, shadowed } = ruleOf(policy, paths)
    const chosen = {
      policy: policy.file,
      misnamed: policy.misnamed,
      strayKeys: strayKeysIn(policy),
      rule: said(rule),
      path,
      shadowed: shadowed.map(said),
      terms: terms(rule),
    }
    const problem = await problemOf(() => recipientsOf(policy, rule))
    const found = there === null ? [] : differences(rule, there.metadata, there.format === 'binary')
    return { file, target, format, chosen, problem, encrypted, differences: found }
  } catch (error) {
    if (faultKind(error) !== 'no-rule') throw error
    return { file, target, format, chosen: null, problem: inFile(target, error as GitopsError).message, encrypted, differences: [] }
  }
}

async function problemOf(work: () => Promise<unknown>): Promise<string | null> {
  try {
    await work()
    return null
  } catch (error) {
    return asGitopsError(error).message
  }
}

function terms({ groups, threshold, others, rule, macOnlyEncrypted }: CreationRule): Terms {
  return { groups, threshold, otherKeys: others, selector: selectorText(rule ?? DEFAULT_RULE), macOnlyEncrypted }
}

function said({ number, line, pathRegex }: CreationRule): SaidRule {
  return { number, line, pathRegex }
}

function termsOf({ groups, threshold, rule, macOnlyEncrypted, lastModified, version }: Metadata): Explanation['encrypted'] {
  return {
    groups: groups.map(({ age }) => age.map(({ recipient }) => recipient)),
    threshold: groups.length === 1 ? 1 : threshold,
    otherKeys: [...new Set(groups.flatMap(({ others }) => others))],
    selector: selectorText(rule),
    macOnlyEncrypted,
    lastModified,
    version,
  }
}

async function read(path: string): Promise<{ format: SopsFormat; metadata: Metadata } | null> {
  if (!existsSync(path)) return null
  const bytes = readFileSync(path)
  if (!looksEncrypted(bytes)) return null
  try {
    const loaded = await loadEncrypted(bytes)
    return loaded === null ? null : { format: loaded.format, metadata: readMetadata(loaded.taken.block) }
  } catch (error) {
    throw error instanceof GitopsError ? inFile(path, error) : error
  }
}

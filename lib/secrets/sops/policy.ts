import type * as Yaml from 'yaml'
import { fault } from '../fault.ts'
import { SELECTORS } from './metadata.ts'
import { entriesOf, readIndents, textOf, wrongPolicy, type Fields, type Indents } from './policy-fields.ts'
import { KEY_FIELDS, readKeyRule, type KeyRule } from './policy-keys.ts'
import { selector, type Rule } from './rules.ts'

/** One creation rule of a `.sops.yaml`. */
export interface CreationRule extends KeyRule {
  /** Its place among the rules, from 1. */
  readonly number: number
  /** Its line in the file, from 1. */
  readonly line: number
  /** What a path must contain, in the syntax of RE2; null for a rule that takes every path. */
  readonly pathRegex: string | null
  readonly matches: (path: string) => boolean
  /** Which values are encrypted; null where SOPS' default is. */
  readonly rule: Rule | null
  readonly macOnlyEncrypted: boolean
}

/** What a `.sops.yaml` says. */
export interface Policy {
  readonly rules: readonly CreationRule[]
  /** Sentences' second halves on keys of rules that mean nothing to SOPS, and may be misspelt. */
  readonly strayKeys: readonly string[]
  readonly indents: Indents
}

/** The rule for a file, and why it is that one. */
export interface Match {
  readonly rule: CreationRule
  /** Which of the paths it matched. */
  readonly path: string
  /** Rules further down that match as well, and never get to it. */
  readonly shadowed: readonly CreationRule[]
}

/** Uses of anchors that an honest file may have; each use of one that holds others counts as all of them. */
const MAX_ALIASES = 10_000

/**
 * The text of a `.sops.yaml`, all of it judged: a rule that could never work is refused also when it is another's turn,
 * for it would be found out on the day that it is needed. Throws `invalid`.
 */
export async function readPolicy(text: string): Promise<Policy> {
  const { LineCounter, parseDocument, isAlias, isSeq } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, version: '1.2', logLevel: 'silent' })
  const error = document.errors.find(({ code }) => code !== 'MULTIPLE_DOCS')
  if (error !== undefined)
    throw fault('metadata', `is not YAML: ${error.code.toLowerCase().replaceAll('_', ' ')} at line ${lines.linePos(error.pos[0]).line}`)
  const top = entriesOf(plain(document) ?? new Map(), 'it is not a mapping with creation_rules')
  const given = top.get('creation_rules') ?? []
  if (!Array.isArray(given)) throw wrongPolicy('creation_rules is not a list')
  const found = document.has('creation_rules') ? document.get('creation_rules', true) : undefined
  const node = isAlias(found) ? found.resolve(document) : found
  const lineOf = (index: number): number => {
    const [start] = (isSeq<Yaml.Node>(node) ? node.items[index]?.range : null) ?? [0]
    return lines.linePos(start).line
  }
  const rules = await Promise.all(given.map((rule, index) => readRule(rule, index + 1, lineOf(index))))
  const strayKeys = given.flatMap((rule, index) => strayIn(rule as Fields, `creation rule ${index + 1} (line ${lineOf(index)})`))
  return { rules, strayKeys, indents: readIndents(top.get('stores')) }
}

/**
 * The first rule that matches the first of the paths, else of the next, and so on; null when none does. Paths are relative
 * to the `.sops.yaml`, with `/`; absolute for files that do not lie below it.
 */
export function ruleFor({ rules }: Policy, paths: readonly string[]): Match | null {
  for (const path of paths) {
    const [rule, ...shadowed] = rules.filter((one) => one.matches(path))
    if (rule !== undefined) return { rule, path, shadowed }
  }
  return null
}

const KNOWN: ReadonlySet<unknown> = new Set(['path_regex', 'mac_only_encrypted', 'aws_profile', ...KEY_FIELDS, ...SELECTORS])

function strayIn(rule: Fields, where: string): string[] {
  const stray = [...rule.keys()].filter((key) => !KNOWN.has(key))
  return stray.length === 0 ? [] : [`${where} has ${stray.map(String).join(', ')}, which SOPS passes over`]
}

/** Objects as maps: a key `__proto__` is a key. */
function plain(document: Yaml.Document): unknown {
  try {
    return document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES })
  } catch (cause) {
    throw fault('metadata', 'is not read: an alias in it stands for nothing, for itself, or for more than any honest file has', { cause })
  }
}

async function readRule(given: unknown, number: number, line: number): Promise<CreationRule> {
  const where = `creation rule ${number} (line ${line})`
  const fields = entriesOf(given, `${where} is not a mapping`)
  const pathRegex = textOf(fields, 'path_regex', where)
  const rule = readSelector(fields, where)
  if (rule !== null) await compiled(rule, where)
  return {
    number,
    line,
    pathRegex,
    matches: await pathMatcher(pathRegex, where),
    rule,
    macOnlyEncrypted: readFlag(fields.get('mac_only_encrypted'), where),
    ...readKeyRule(fields, where),
  }
}

async function compiled(rule: Rule, where: string): Promise<void> {
  try {
    await selector(rule)
  } catch (cause) {
    throw wrongPolicy(`${where} has an ${rule.kind} that is not a regular expression of RE2`, {
      hint: 'SOPS would take it for one that matches nothing. Correct it, and try again.',
      cause,
    })
  }
}

async function pathMatcher(pattern: string | null, where: string): Promise<(path: string) => boolean> {
  if (pattern === null) return () => true
  const { RE2JS } = await import('re2js')
  try {
    const expression = RE2JS.compile(pattern)
    return (path) => expression.matcher(path).find()
  } catch (cause) {
    const said = JSON.stringify(pattern)
    throw wrongPolicy(`${where} has a path_regex that is not a regular expression of RE2: ${said}`, { cause })
  }
}

function readSelector(fields: Fields, where: string): Rule | null {
  const selectors = SELECTORS.flatMap((kind): Rule[] => {
    const value = textOf(fields, kind, where)
    if (value === null) return []
    return kind === 'encrypted_suffix' || kind === 'unencrypted_suffix' ? [{ kind, suffix: value }] : [{ kind, pattern: value }]
  })
  if (selectors.length > 1) throw wrongPolicy(`${where} has ${selectors.map(({ kind }) => kind).join(' and ')}: at most one can be used`)
  return selectors[0] ?? null
}

function readFlag(value: unknown, where: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value === 'boolean') return value
  throw wrongPolicy(`${where} has a mac_only_encrypted that is neither true nor false`)
}

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { machine } from '../host/machine.ts'
import { GitopsError } from '../model/errors.ts'
import { recipient } from '../secrets/age.ts'
import { fault, inFile } from '../secrets/fault.ts'
import { readPolicy, ruleFor, type CreationRule, type Match, type Policy } from '../secrets/sops/policy.ts'
import type { KeyGroups } from '../secrets/sops/wrap-key.ts'

/** The `.sops.yaml` for a file. */
export interface PolicyFile extends Policy {
  /** Absolute. */
  readonly file: string
  /** A `.sops.yml` that lies nearer, and is not read. */
  readonly misnamed: string | null
}

/** What a person says about rules on the command line. */
export interface RuleOptions {
  /** A `.sops.yaml`, in place of the one that is found. */
  readonly config?: string
}

/**
 * The `.sops.yaml` that speaks for a file: the one that is named, or that `SOPS_CONFIG` names, else the nearest from the
 * directory of its first path upward, then of the next ones, then from the working directory; null when there is none.
 * Throws `config` or `invalid`.
 */
export async function findPolicy(paths: readonly string[], { config }: RuleOptions): Promise<PolicyFile | null> {
  const { cwd, env } = machine()
  const named = config ?? (env['SOPS_CONFIG'] || undefined)
  const { file, misnamed } =
    named === undefined ? nearest([...paths.map((path) => dirname(path)), cwd]) : { file: resolve(cwd, named), misnamed: null }
  if (file === null) return null
  const text = readPolicyFile(file, config === undefined ? 'SOPS_CONFIG' : '--config')
  try {
    return { file, misnamed, ...(await readPolicy(text)) }
  } catch (error) {
    throw error instanceof GitopsError ? inFile(file, error) : error
  }
}

/** The same, where there must be one. Throws `config`. */
export async function policyFor(paths: readonly string[], options: RuleOptions): Promise<PolicyFile> {
  const policy = await findPolicy(paths, options)
  if (policy !== null) return policy
  const { misnamed } = nearest([...paths.map((path) => dirname(path)), machine().cwd])
  throw fault('no-rule', `has no rule: there is no .sops.yaml in ${dirname(paths[0] ?? '')} or above it`, {
    hint: misnamed === null ? 'Write one, or name recipients with --age.' : notRead(misnamed),
  })
}

/** The rule for the first of these absolute paths that has one. */
export function matchFor(policy: PolicyFile, paths: readonly string[]): Match | null {
  return ruleFor(
    policy,
    paths.map((path) => subject(policy.file, path)),
  )
}

/** The same, where there must be one. Throws `config`. */
export function ruleOf(policy: PolicyFile, paths: readonly string[]): Match {
  const match = matchFor(policy, paths)
  if (match !== null) return match
  const tried = [...new Set(paths.map((path) => subject(policy.file, path)))].join(' or ')
  const complaint =
    policy.rules.length === 0
      ? fault('no-rule', 'has no creation rules', { hint: 'Add one with `age:`, or name recipients with --age.' })
      : fault('no-rule', `has no creation rule that matches ${tried}`, { hint: 'Add one, or name recipients with --age.' })
  throw inFile(policy.file, complaint)
}

/** Whom a rule encrypts to, each recipient checked. Throws `config` for a typo, `environment` for keys of other kinds. */
export async function recipientsOf(policy: PolicyFile, { number, line, groups, others, threshold }: CreationRule): Promise<KeyGroups> {
  try {
    if (others.length > 0)
      throw fault('unsupported', `names keys of other kinds than age (${others.join(', ')}): nothing can be encrypted to them here`, {
        hint: 'Use sops itself for this file, or a rule with age only.',
      })
    if (groups.some((group) => group.length === 0))
      throw fault('recipient', `has ${groups.length > 1 ? 'a key group without a' : 'no'} recipient`, { hint: 'Add one under `age:`.' })
    return { groups: await Promise.all(groups.map((group) => Promise.all(group.map(recipient)))), threshold }
  } catch (error) {
    throw error instanceof GitopsError ? inFile(`${policy.file}: creation rule ${number} (line ${line})`, error) : error
  }
}

/** Config-relative where it lies below, as SOPS has it; one that does not is absolute. */
function subject(file: string, path: string): string {
  const inside = relative(dirname(file), path)
  const below = inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && resolve(inside) !== inside
  return (below ? inside : path).split(sep).join('/')
}

function nearest(starts: readonly string[]): Pick<PolicyFile, 'misnamed'> & { file: string | null } {
  let misnamed: string | null = null
  for (const start of starts) {
    for (let directory = start; ; directory = dirname(directory)) {
      const file = join(directory, '.sops.yaml')
      if (existsSync(file)) return { file, misnamed }
      const other = join(directory, '.sops.yml')
      if (misnamed === null && existsSync(other)) misnamed = other
      if (directory === dirname(directory)) break
    }
  }
  return { file: null, misnamed }
}

/** What to say of keys that SOPS passes over in a file's rules. */
export function strayKeysIn({ file, strayKeys }: PolicyFile): string[] {
  return strayKeys.map((each) => `${file}: ${each}: is it misspelt?`)
}

/** What to say of a `.sops.yml`. SOPS passes it over with a warning, and takes another one's rules or none. */
export function notRead(misnamed: string): string {
  return `${misnamed} is not read, and sops does not read it either: rename it to .sops.yaml.`
}

function readPolicyFile(file: string, named: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'error'
    throw fault('no-rule', `has no rule: ${file} cannot be read (${why})`, {
      hint: `See that ${named} names a .sops.yaml that you may read.`,
      cause,
    })
  }
}

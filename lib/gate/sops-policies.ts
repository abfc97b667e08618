import { GitopsError } from '../model/errors.ts'
import { finding, type Finding } from '../model/finding.ts'
import { recipient } from '../secrets/age.ts'
import { readPolicy, ruleFor, type CreationRule, type Policy } from '../secrets/sops/policy.ts'

/** The rules of a tree: of each directory with a `.sops.yaml`; null for one that cannot be used. */
export type Policies = ReadonlyMap<string, Policy | null>

/** Whether a path is a file with rules. */
export function isPolicy(path: string): boolean {
  return /(?:^|\/)\.sops\.ya?ml$/.test(path)
}

/** Reads every `.sops.yaml` of a tree, and says what is wrong with them. */
export async function readPolicies(
  files: Iterable<readonly [path: string, bytes: Buffer]>,
): Promise<{ readonly policies: Policies; readonly findings: readonly Finding[] }> {
  const policies = new Map<string, Policy | null>()
  const findings: Finding[] = []
  for (const [path, bytes] of files) {
    if (path.endsWith('.yml')) {
      findings.push(warning(path, 'this file is read neither by sops nor here', { hint: 'Rename it to .sops.yaml.' }))
      continue
    }
    try {
      const policy = await readPolicy(bytes.toString('utf8'))
      policies.set(directoryOf(path), policy)
      for (const stray of policy.strayKeys) findings.push(warning(path, `${stray}: is it misspelt?`, { line: lineIn(stray) }))
      for (const rule of policy.rules) findings.push(...(await strangers(path, rule)))
    } catch (error) {
      if (!(error instanceof GitopsError)) throw error
      policies.set(directoryOf(path), null)
      findings.push(finding('sops/config', path, error.message, { line: lineIn(error.message), hint: error.hint ?? null }))
    }
  }
  return { policies, findings }
}

/** The rule for a path: of the nearest `.sops.yaml`, the first that matches. */
export function ruleAt(policies: Policies, path: string): CreationRule | null {
  for (let directory = directoryOf(path); ; directory = directoryOf(directory)) {
    const policy = policies.get(directory)
    if (policy === null) return null
    if (policy !== undefined) return ruleFor(policy, [directory === '' ? path : path.slice(directory.length + 1)])?.rule ?? null
    if (directory === '') return null
  }
}

/** Whether a rule picks out the files it is for. One that takes every path only says how a file is encrypted, not that it must be. */
export function picks({ pathRegex, matches }: CreationRule): boolean {
  return pathRegex !== null && !matches('') && !matches('any-name')
}

/** Recipients that are written wrongly. */
async function strangers(path: string, { groups, number, line }: CreationRule): Promise<Finding[]> {
  const found: Finding[] = []
  for (const who of new Set(groups.flat())) {
    try {
      await recipient(who)
    } catch (error) {
      if (!(error instanceof GitopsError)) throw error
      found.push(finding('sops/config', path, `creation rule ${number} ${error.message}`, { line, hint: error.hint ?? null }))
    }
  }
  return found
}

function warning(path: string, message: string, more: Partial<Finding>): Finding {
  return finding('sops/config', path, message, { severity: 'warning', ...more })
}

function directoryOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
}

function lineIn(sentence: string): number | null {
  const [, line] = /\bline (\d+)/.exec(sentence) ?? []
  return line === undefined ? null : Number(line)
}

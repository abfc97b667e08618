import { finding, type Finding } from '../model/finding.ts'
import type { Allowance } from '../model/config.ts'

/** Rules that find something only where a key is at hand: that they find nothing does not say that an allowance is idle. */
const KEYED = new Set(['leak/decrypted', 'sops/mac', 'sops/undecryptable'])

/** What the config allows is taken out of findings. `blobOf` tells the Git object that a finding is in, where it is known. */
export function allowed(
  findings: readonly Finding[],
  allowances: readonly Allowance[],
  blobOf: (finding: Finding) => string | null,
): { readonly left: readonly Finding[]; readonly idle: readonly Allowance[] } {
  const used = new Set<Allowance>()
  const left = findings.filter((each) => {
    const fitting = allowances.filter((one) => fits(one, each, blobOf(each)))
    for (const one of fitting) used.add(one)
    return fitting.length === 0
  })
  return { left, idle: allowances.filter((one) => !used.has(one) && !KEYED.has(one.rule)) }
}

/** What is said of an allowance that allows nothing. */
export function idleFinding({ rule, glob, reason }: Allowance, config: string | null): Finding {
  const message = `gate.allow has ${JSON.stringify(rule)} for ${JSON.stringify(glob)} (${reason}), and it allows nothing`
  return finding('gate/unused-allowance', config, message, { severity: 'warning', hint: 'Take it out, or correct its rule or path.' })
}

function fits({ rule, path, digest }: Allowance, each: Finding, blob: string | null): boolean {
  if (each.path === null || !path(each.path)) return false
  if (digest !== null && blob?.startsWith(digest) !== true) return false
  return rule === each.rule || (rule.endsWith('/*') && each.rule.startsWith(rule.slice(0, -1)))
}

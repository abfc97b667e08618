import { attempt } from '../lib/host/shell.ts'
import { makeStage, type Staged } from '../lib/host/stage.ts'
import type { Check } from '../lib/model/config.ts'
import { asGitopsError } from '../lib/model/errors.ts'
import { finding, type Finding } from '../lib/model/finding.ts'
import { absPath, isWithin, under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import type { CheckFinding } from '../lib/plugins/contract.ts'
import { contentOf, type Gate, type GateTarget } from './judging.ts'
import { permissions } from './wanted.ts'

/** The user's own checks on the staged candidate of each source. What a target cannot hold is not staged. */
export async function checkRule(gate: Gate, known: readonly Finding[]): Promise<readonly Finding[]> {
  const found: Finding[] = []
  for (const [index, source] of gate.sources.entries()) {
    const checks = gate.config?.checks.validate.filter((check) => check.source === null || check.source === source) ?? []
    const targets = gate.targets.filter(({ target }) => target.source === source)
    if (checks.length === 0 || !concerned(gate, targets)) continue
    if (known.some(({ rule, severity }) => severity === 'error' && rule.startsWith('tree/'))) {
      gate.say(`not run: ${checks.map(({ name }) => name).join(', ')}; the tree cannot be put in place as it is`)
      continue
    }
    const stage = absPath(`${gate.judged.scratch}/stage${index}`)
    await makeStage(stage, candidate(gate, targets))
    for (const check of checks) found.push(...(await checked(gate, check, source, stage, targets)))
  }
  // What does not parse is told once.
  const broken = new Set(known.flatMap(({ rule, path }) => (rule.startsWith('syntax/') ? [path] : [])))
  return found.filter(({ path }) => path === null || !broken.has(path))
}

/** Whether something that the checks see has changed, or the config that they stand in. */
function concerned({ judged, config }: Gate, targets: readonly GateTarget[]): boolean {
  const { changed, top } = judged
  if (changed === null) return true
  const modules = config?.modules ?? []
  return [...changed].some(
    (path) => targets.some(({ target }) => target.from === null || isWithin(path, target.from)) || modules.includes(under(top, path)),
  )
}

/** The candidate as a check sees it on a machine where nothing was before. */
async function* candidate(gate: Gate, targets: readonly GateTarget[]): AsyncGenerator<Staged> {
  for (const { target, entries } of targets)
    for await (const [entry, bytes] of contentOf(gate, entries)) {
      const { mode, executable } = permissions(entry, target)
      yield { path: `${target.name}/${entry.path}`, bytes, link: entry.type === 'link', mode: mode ?? (executable ? 0o700 : 0o600) }
    }
}

async function checked(gate: Gate, check: Check, source: string, stage: AbsPath, targets: readonly GateTarget[]): Promise<Finding[]> {
  const rule = `check/${check.name}`
  for (let failures = 0; ; failures++) {
    const warnings: Finding[] = []
    const reports: CheckFinding[] = []
    let skipped: string | null = null
    try {
      await attempt({
        what: `check ${JSON.stringify(check.name)}`,
        run: check.run,
        cwd: stage,
        stage,
        home: gate.config?.home ?? gate.machine.home,
        source,
        revision: gate.judged.commits?.to ?? null,
        timeout: check.timeout,
        signal: gate.signal,
        // No secret was opened.
        hide: (text) => text,
        warn: (sentence) => void warnings.push(finding(rule, null, sentence, { severity: 'warning' })),
        skip: (reason) => void (skipped = reason),
        report: (each) => void reports.push(each),
      })
      if (skipped !== null) gate.say(`not run: ${check.name}; ${skipped as string}`)
      return [...warnings, ...reports.map((each) => inRepository(each, rule, targets))]
    } catch (error) {
      if (gate.signal.aborted) throw error
      if (failures < check.retries) continue
      const { message, hint = null } = asGitopsError(error)
      const own = reports.some(({ severity }) => severity !== 'warning') ? [] : [finding(rule, null, message, { hint })]
      return [...own, ...warnings, ...reports.map((each) => inRepository(each, rule, targets))]
    }
  }
}

/** What a check says of a staged file, said of the one in the repository. */
function inRepository(each: CheckFinding, rule: string, targets: readonly GateTarget[]): Finding {
  const { path, message, line, column, severity, hint } = each
  const of = targets.find(({ target }) => path !== null && path.startsWith(`${target.name}/`))
  const place = of === undefined || path === null ? null : of.at(path.slice(of.target.name.length + 1) as RelPath)
  const said = place === null && path !== null ? `${path}: ${message}` : message
  return finding(rule, place, said, { line: line ?? null, column: column ?? null, severity: severity ?? 'error', hint: hint ?? null })
}

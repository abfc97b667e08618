/** How much a finding weighs: an error keeps a commit from being merged, a warning is only said. */
export type Severity = 'error' | 'warning'

/** One thing that the gate has found in a tree. It holds no secret value. */
export interface Finding {
  /** Which rule: a closed list, in docs/gate.md, such as `syntax/json` or `check/NAME`. */
  readonly rule: string
  readonly severity: Severity
  /** In the repository; null for what belongs to no file. */
  readonly path: string | null
  /** From 1; null when it is the whole file. */
  readonly line: number | null
  /** From 1, in UTF-16 units; null when it is the whole line. */
  readonly column: number | null
  /** One sentence without any secret value. */
  readonly message: string
  /** What to do, or null. */
  readonly hint: string | null
  /** The commit of the judged range that adds it; null for the tree itself. */
  readonly commit: string | null
}

/** A finding from what is known of it: an error in the tree, unless something else is said. */
export function finding(rule: string, path: string | null, message: string, more: Partial<Finding> = {}): Finding {
  return { rule, severity: 'error', path, line: null, column: null, message, hint: null, commit: null, ...more }
}

/** Findings as they are shown: by path, line and column, what belongs to no file first; each once. */
export function ordered(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>()
  const once = findings.filter((each) => {
    const key = JSON.stringify([each.path, each.line, each.column, each.rule, each.message, each.commit])
    return !seen.has(key) && seen.add(key)
  })
  return once.toSorted(
    (a, b) =>
      compare(a.path ?? '', b.path ?? '') ||
      compare(a.commit ?? '', b.commit ?? '') ||
      (a.line ?? 0) - (b.line ?? 0) ||
      (a.column ?? 0) - (b.column ?? 0) ||
      compare(a.rule, b.rule),
  )
}

/** How many findings are errors, and how many warnings. */
export function tallied(findings: readonly Finding[]): { readonly errors: number; readonly warnings: number } {
  const errors = findings.filter(({ severity }) => severity === 'error').length
  return { errors, warnings: findings.length - errors }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

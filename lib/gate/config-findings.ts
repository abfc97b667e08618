import type { GitopsError } from '../model/errors.ts'
import { finding, type Finding } from '../model/finding.ts'

/** What is wrong with a config that does not load, a finding for each line that says so. `file` is how the error names it. */
export function configFindings(error: GitopsError, path: string | null, file: string): Finding[] {
  const plain = error.message.replaceAll(file, path ?? file)
  const [head = '', ...rest] = plain.split('\n')
  const [, at] = /\bline (\d+):/.exec(head) ?? []
  const more = { line: at === undefined || path === null ? null : Number(at), hint: error.hint ?? null }
  const faults = head.endsWith('is not a valid configuration:') ? rest.filter((line) => line.trim() !== '') : []
  return faults.length > 0
    ? faults.map((line) => finding('config/invalid', path, line.trim(), more))
    : [finding('config/invalid', path, plain, more)]
}

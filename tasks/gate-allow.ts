import { allowed, idleFinding } from '../lib/gate/allow.ts'
import type { Finding } from '../lib/model/finding.ts'
import { isWithin } from '../lib/model/path.ts'
import type { Gate } from './judging.ts'

/** Findings without those that the config allows; an allowance that allows nothing in the whole tree is a finding itself. */
export function withoutAllowed(gate: Gate, findings: readonly Finding[]): readonly Finding[] {
  const { config, judged, entries, added } = gate
  const allowances = config?.gate.allow ?? []
  if (config === null || allowances.length === 0) return findings
  const inTree = new Map<string, string>(entries.map(({ path, oid }) => [path, oid]))
  const inCommits = new Map<string, string>(added.map(({ commit, path, oid }) => [`${commit} ${path}`, oid]))
  const { left, idle } = allowed(findings, allowances, ({ path, commit }) =>
    path === null ? null : ((commit === null ? inTree.get(path) : inCommits.get(`${commit} ${path}`)) ?? null),
  )
  if (judged.asked.kind !== 'work-tree') return left
  // One for a file of the past is not idle because the present has another.
  const past = ({ digest }: (typeof idle)[number]): boolean => digest !== null && !entries.some(({ oid }) => oid.startsWith(digest))
  const file = config.file !== null && isWithin(config.file, judged.top) ? config.file.slice(judged.top.length + 1) : null
  return [...left, ...idle.filter((each) => !past(each)).map((each) => idleFinding(each, file))]
}

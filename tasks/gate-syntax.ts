import { syntaxFindings, syntaxOf } from '../lib/gate/syntax.ts'
import type { RelPath } from '../lib/model/path.ts'
import type { Gate, Reader } from './judging.ts'

/** Reads every document that a target takes, the plain keys of those that are merged, and without a config every document. */
export function syntaxReader(gate: Gate): Reader {
  const declared = new Map<RelPath, string | null>()
  for (const { target, entries, at } of gate.targets)
    for (const { path } of entries)
      if (gate.config?.checks.syntax(path) !== false) declared.set(at(path), target.mergeOf(path)?.strategy ?? null)
  for (const { plain, as } of gate.secrets)
    if (plain !== null && gate.config?.checks.syntax(plain) !== false) declared.set(plain, as.strategy)
  const managed = (path: RelPath): boolean => gate.config === null || declared.has(path)
  return {
    wants: ({ path, type }) =>
      (type === 'file' || type === 'executable') &&
      gate.looksAt(path) &&
      managed(path) &&
      syntaxOf(path, declared.get(path) ?? null) !== null,
    judge: ({ path }, bytes) => syntaxFindings(path, bytes, declared.get(path) ?? null),
  }
}

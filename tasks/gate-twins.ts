import { pairsOf, twinFinding } from '../lib/gate/twins.ts'
import type { Finding } from '../lib/model/finding.ts'
import type { RelPath } from '../lib/model/path.ts'
import { contentOf, type Gate } from './judging.ts'

/** Tracked files that are the plaintext of an encrypted one beside them. */
export async function trackedTwins(gate: Gate, encrypted: ReadonlyMap<string, ReadonlySet<string>>): Promise<Finding[]> {
  const files = gate.entries.filter(({ type }) => type === 'file' || type === 'executable')
  const pairs = pairsOf(
    files.map(({ path }) => path),
    new Set(encrypted.keys()),
  ).filter(({ encrypted: one, clear }) => gate.looksAt(one as RelPath) || gate.looksAt(clear as RelPath))
  const wanted = new Map(pairs.map((pair) => [pair.clear, pair]))
  const findings: Finding[] = []
  for await (const [{ path }, bytes] of contentOf(
    gate,
    files.filter(({ path }) => wanted.has(path)),
  )) {
    const pair = wanted.get(path)
    const found = pair === undefined ? null : await twinFinding(pair, bytes, encrypted.get(pair.encrypted) ?? new Set())
    if (found !== null) findings.push(found)
  }
  return findings
}

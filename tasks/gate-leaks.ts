import { leakSearch, type Scanned } from '../lib/gate/leaks.ts'
import { scannable } from '../lib/gate/scannable.ts'
import { addedBlobs } from '../lib/host/added-blobs.ts'
import type { JudgedTree } from '../lib/host/judged-tree.ts'
import type { Finding } from '../lib/model/finding.ts'
import { contentOf, type Gate, type Reader } from './judging.ts'

/** What commits of the range brought, and later ones took away. */
export async function addedSince(
  { repository, commits }: JudgedTree,
  entries: Gate['entries'],
  signal: AbortSignal,
): Promise<Gate['added']> {
  if (commits === null) return []
  const here = new Set(entries.map(({ oid }) => oid))
  const brought = await addedBlobs(repository, commits, signal)
  return brought.filter(({ oid }) => !here.has(oid)).map(({ commit, path, oid }) => ({ commit, path, oid, type: 'file' }))
}

/** Searches the files of the tree, and what the judged commits add, for what looks like a secret. */
export function leakReader(gate: Gate): Reader {
  const search = leakSearch<Scanned>()
  const scans = gate.config?.gate.scans ?? (() => true)
  let passed = 0
  const look = async (path: string, bytes: Buffer, commit: string | null): Promise<readonly Finding[]> => {
    const text = scannable(bytes)
    if (text === null) {
      passed += 1
      return []
    }
    return (await search.add({ path, text, commit })).map(({ finding }) => finding)
  }
  return {
    wants: ({ path, type }) => (type === 'file' || type === 'executable') && gate.looksAt(path) && scans(path),
    judge: ({ path }, bytes) => look(path, bytes, null),
    async end() {
      const findings: Finding[] = []
      const added = gate.added.filter(({ path }) => scans(path))
      for await (const [{ path, commit }, bytes] of contentOf(gate, added)) findings.push(...(await look(path, bytes, commit)))
      findings.push(...(await search.end()).map(({ finding }) => finding))
      if (passed > 0)
        gate.say(`not searched for tokens: ${passed} ${passed === 1 ? 'file that is' : 'files that are'} binary or longer than 1 MB`)
      return findings
    },
  }
}

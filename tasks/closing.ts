import { writes, type Change } from '../lib/model/plan.ts'
import type { RelPath } from '../lib/model/path.ts'
import type { Present } from '../lib/model/tree.ts'

/** What is planned for a secret file of ours; where that writes nothing though others may read the file, it is closed as it is. */
export function closed(path: RelPath, changes: readonly Change[], live: Present | undefined): readonly Change[] {
  if (live?.kind !== 'file' || (live.mode & 0o077) === 0 || writes(changes).length > 0) return changes
  const { digest, mode } = live
  const before = { kind: 'file', digest, mode } as const
  const after = { kind: 'file', digest, executable: false, mode: 0o600, content: { kind: 'kept', digest } } as const
  return [...changes, { kind: 'update', path, before, after, drift: 'mode', kept: false, first: false }]
}

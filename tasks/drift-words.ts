import { statOf } from '../lib/host/live.ts'
import type { AbsPath } from '../lib/model/path.ts'
import type { DriftKind } from '../lib/model/plan.ts'

/** How a live entry of ours differs from what we wrote, as people say it; `secret` where nobody else may read it. */
export function driftWords(path: AbsPath, kind: DriftKind, secret: boolean): string {
  if (kind === 'missing') return 'deleted'
  const stat = statOf(path)
  const open = secret && stat !== null && stat.isFile() && (stat.mode & 0o077) !== 0
  if (kind === 'edited') return open ? 'edited and opened to others' : 'edited'
  if (kind === 'mode') return open ? 'opened to others' : 'other permissions'
  if (stat === null) return 'cannot be there any more: what it lay in is no directory now'
  if (stat.isDirectory()) return 'is a directory now'
  if (stat.isSymbolicLink()) return 'is a link now'
  return stat.isFile() ? 'is another kind of file now' : 'is neither a file nor a link now'
}

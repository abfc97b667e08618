import { listOf } from '../lib/host/edit.ts'
import { readLive, statOf } from '../lib/host/live.ts'
import type { AbsPath } from '../lib/model/path.ts'
import type { Change } from '../lib/model/plan.ts'
import type { Run } from './run.ts'

/** What a document becomes, from how it is now: with our keys in it, or as it is where nothing of ours differs. Null for one that is not there. */
export async function mergedText(run: Run, path: AbsPath, change: Change | undefined): Promise<string | null> {
  const live = statOf(path)?.isFile() === true ? readLive(path).toString() : null
  if (change?.kind !== 'edit') return live
  const { as, edits } = listOf(change, run.host.kept)
  return run.host.documents.write(as, live ?? '', edits, path)
}

import { editHolds, performEdit } from '../lib/host/edit.ts'
import type { AbsPath } from '../lib/model/path.ts'
import type { Change } from '../lib/model/plan.ts'
import type { Run, Unit } from './run.ts'

/** How often a document that the application has written after us is merged again. */
const ATTEMPTS = 3

/**
 * Looks again at our keys in a document, and merges them once more where the application has written over them. Nothing is ever rolled
 * back for that: what cannot be held to is said, and the next run sees it as drift.
 */
export async function mergeAgain(run: Run, unit: Unit, path: AbsPath, change: Extract<Change, { kind: 'edit' }>): Promise<void> {
  const step = unit.generation?.steps.find((known) => known.kind === 'edit' && known.path === path)
  try {
    for (let attempt = 0; attempt <= ATTEMPTS; attempt++) {
      if (await editHolds({ path, edits: change.edits }, run.host)) return
      if (attempt < ATTEMPTS && step?.kind === 'edit') await performEdit(step, run.host, run.signal)
    }
    run.notes.push(`${path}: contested; something else has taken our keys out of it ${ATTEMPTS} times while we watched`)
  } catch (error) {
    run.signal.throwIfAborted()
    run.notes.push(`${path}: contested; something else has written it after us: ${(error as Error).message}`)
  }
}

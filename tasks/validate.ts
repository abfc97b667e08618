import { syntaxFindings, syntaxOf } from '../lib/gate/syntax.ts'
import { makeStage, removeStage, stageDirectory, type Staged } from '../lib/host/stage.ts'
import { GitopsError } from '../lib/model/errors.ts'
import type { Finding } from '../lib/model/finding.ts'
import { under, type AbsPath, type RelPath } from '../lib/model/path.ts'
import { writes } from '../lib/model/plan.ts'
import type { Wanted } from '../lib/model/tree.ts'
import { passedSaid, runCheck, type Passed } from './checks.ts'
import { readContents } from './contents.ts'
import { mergedText } from './merged-text.ts'
import type { Run, Teller, Unit } from './run.ts'

/** Judges the candidate before anything is written: syntax first, then the user's own checks on a staged copy. */
export async function validate(run: Run, unit: Unit, task: Teller): Promise<void> {
  const faults = await syntax(run, unit)
  if (faults.length > 0) {
    const places = faults.map((fault) => `${fault.path}:${fault.line}:${fault.column}: ${fault.message}`)
    throw new GitopsError('invalid', `the candidate has a syntax error: ${places.join('; ')}`, {
      hint: 'Mend it in the source; nothing was written.',
      paths: faults.map((fault) => fault.live),
    })
  }
  const checks = run.config.checks.validate.filter((check) => check.source === null || check.source === unit.name)
  if (checks.length === 0 || unit.why !== 'revision') return
  if (run.host.dry) return task.skip(`dry run: would run ${checks.map((check) => check.name).join(', ')}`)
  const stage = stageDirectory(run.config.state)
  try {
    await makeStage(stage, candidate(run, unit))
    const passed: Passed[] = []
    for (const check of checks) {
      task.output = check.name
      const judged = runCheck(run, check, { cwd: stage, stage, source: unit.name, revision: unit.commit })
      passed.push(await judged.catch(refused))
    }
    task.title = `validate  ${passedSaid(passed, ({ length }) => `${length} check${length === 1 ? '' : 's'} passed`)}`
  } finally {
    removeStage(stage)
  }
}

/** Throws what a check has thrown, with what that means before anything is written. */
function refused(error: unknown): never {
  throw error instanceof GitopsError && error.code === 'check'
    ? new GitopsError('invalid', error.message, { hint: 'Nothing was written.', cause: error })
    : error
}

/** A fault, and where its file would have gone. */
interface LiveFault extends Finding {
  readonly live: AbsPath
}

/** Faults in the documents that this plan writes. */
async function syntax(run: Run, unit: Unit): Promise<LiveFault[]> {
  const faults: LiveFault[] = []
  for (const { target, root, plan } of unit.targets) {
    if (target === null) continue
    const files = writes(plan.changes).flatMap((change) =>
      'after' in change && change.after.kind === 'file' && syntaxOf(change.path) !== null && run.config.checks.syntax(change.path)
        ? [change]
        : [],
    )
    let index = 0
    for await (const bytes of readContents(
      run,
      unit,
      files.map((change) => change.after.content),
    )) {
      const path = files[index++]?.path as RelPath
      for (const fault of await syntaxFindings(path, bytes)) faults.push({ ...fault, live: under(root, path) })
    }
  }
  return faults
}

async function* candidate(run: Run, unit: Unit): AsyncGenerator<Staged> {
  for (const { name, root, target, plan } of unit.targets) {
    if (target === null) continue
    const entries = [...plan.wanted]
    let index = 0
    for await (const bytes of readContents(
      run,
      unit,
      entries.map(([, want]) => want.content),
    )) {
      const [path, want] = entries[index++] as [RelPath, Wanted]
      // Of a document that an application writes too it is the whole that must work.
      const merged =
        want.as === undefined
          ? null
          : await mergedText(
              run,
              under(root, path),
              plan.changes.find((change) => change.path === path),
            )
      yield {
        path: `${name}/${path}`,
        bytes: merged === null ? bytes : Buffer.from(merged),
        link: want.kind === 'link',
        mode: want.mode ?? (want.executable ? 0o700 : 0o600),
      }
    }
  }
}

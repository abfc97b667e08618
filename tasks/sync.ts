import { readLive, statOf } from '../lib/host/live.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isKeyed, under, type AbsPath } from '../lib/model/path.ts'
import { counts } from '../lib/model/counts.ts'
import { writes } from '../lib/model/plan.ts'
import { steps, type Step as DiskStep } from '../lib/model/steps.ts'
import type { Content } from '../lib/model/tree.ts'
import { tally } from '../lib/model/verdict.ts'
import { readContents } from './contents.ts'
import { openGeneration } from './open-generation.ts'
import { leavingRoots } from './originals.ts'
import { undoFiles } from './rollback.ts'
import { planned, type Run, type Teller, type Unit } from './run.ts'
import { after, before } from './user-tasks.ts'

/** Writes: the user's tasks before, journal and generation, every file, the user's tasks after. A line per target with what changed. */
export async function sync(run: Run, unit: Unit, task: Teller): Promise<unknown> {
  if (!run.host.dry) {
    await before(run, unit, task)
    await write(run, unit)
    await after(run, unit, task)
  }
  const changed = planned(unit).filter(({ plan }) => writes(plan.changes).length > 0)
  return task.newListr(
    changed.map(({ name, root, plan }) => ({
      title: `${name}  ${run.host.dry ? 'would be: ' : ''}${tally(counts(plan.changes))} in ${root}`,
      task: () => {},
    })),
  )
}

/** Journal, generation and every file of a unit's plan. What was begun is in the unit's undos. */
export async function write(run: Run, unit: Unit): Promise<void> {
  run.host.ensure()
  const { all, contents } = ordered(run, unit)
  keepWhatGoes(run, all)
  await openGeneration(run, unit, all)
  unit.undos.push(() => undoFiles(run, unit))
  await run.host.transact.stage(all, contents, (wanted) => readContents(run, unit, wanted), run.signal)
  await run.host.transact.perform(all, run.host, run.signal)
}

function ordered(run: Run, unit: Unit): { all: DiskStep[]; contents: Map<AbsPath, Content> } {
  const number = run.host.store.generations().at(-1) ?? 0
  const all: DiskStep[] = []
  const contents = new Map<AbsPath, Content>()
  for (const [index, target] of planned(unit).entries()) {
    const { root, plan, scan } = target
    const made = steps(plan.changes, plan.wanted, {
      root,
      missingRoots: scan.missingRoots,
      base: scan.base,
      isDirectory: scan.isDirectory,
      modeOf: scan.modeOf,
      directories: 'secret' in target ? [] : (run.inventory.targets.get(root)?.directories ?? []),
      vacated: (path) => run.inventory.vacated.get(under(root, path)) ?? null,
      returning: target.returning ?? [],
      umask: run.host.machine.umask,
      id: `${Math.max(number, run.inventory.generation) + 1}-${index}-${run.host.machine.pid}`,
    })
    if (!('secret' in target)) target.directories = made.directories
    all.push(...made.steps)
    for (const [path, content] of made.contents) contents.set(path, content)
  }
  for (const path of leavingRoots(run.inventory, unit)) {
    const mode = statOf(path)?.mode
    if (mode !== undefined) all.push({ kind: 'rmdir', path, mode: mode & 0o7777 })
  }
  return { all, contents }
}

/** Stores what is about to be replaced or deleted. Throws `contested` when it is no longer what was planned for. */
function keepWhatGoes(run: Run, all: readonly DiskStep[]): void {
  for (const step of all) {
    if ((step.kind !== 'put' && step.kind !== 'remove') || step.before === null) continue
    const bytes = readLive(step.path)
    const kept = isKeyed(step.before.digest) ? run.host.kept.keepSecret(bytes, step.path) : run.host.kept.keep(bytes)
    if (kept !== step.before.digest) {
      throw new GitopsError('contested', `${step.path} was changed by something else while we were planning`, {
        hint: 'Nothing is lost; the next run looks again.',
      })
    }
  }
}

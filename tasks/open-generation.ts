import { under } from '../lib/model/path.ts'
import { counts } from '../lib/model/counts.ts'
import { writes } from '../lib/model/plan.ts'
import type { Generation, KeptCopy, TargetBefore } from '../lib/model/state.ts'
import type { Step } from '../lib/model/steps.ts'
import { whoCommitted } from './author.ts'
import { leavingRoots, madeRoots, originals, originalsOfDeparted, vacatedAfter } from './originals.ts'
import { planned, type Run, type Unit, type UnitTarget } from './run.ts'

/** Writes generation and journal: from here on a killed run is undone by the next one. */
export async function openGeneration(run: Run, unit: Unit, steps: readonly Step[]): Promise<void> {
  const { store } = run.host
  const open = store.journal()?.open ?? []
  dropOrphans(run, open)
  const number = Math.max(store.generations().at(-1) ?? 0, run.inventory.generation) + 1
  const targets = new Map(unit.targets.map((target) => [target.root, beforeOf(run, unit, target)]))
  const secrets = new Map(unit.secrets.map(({ key }) => [key, run.inventory.secrets.get(key) ?? null]))
  const touched = [...originals(unit, steps).keys(), ...originalsOfDeparted(run, unit)]
  const before = new Map(touched.map((path) => [path, run.inventory.originals.get(path) ?? null]))
  const after = vacatedAfter(run.inventory, unit, steps)
  const room = new Set([...run.inventory.vacated.keys(), ...after.keys()])
  const vacated = new Map(
    [...room].map((path) => [path, run.inventory.vacated.get(path) ?? null] as const).filter(([path, mode]) => after.get(path) !== mode),
  )
  const roots = new Map([
    ...leavingRoots(run.inventory, unit).map((path) => [path, true] as const),
    ...madeRoots(unit, steps).map((path) => [path, run.inventory.roots.includes(path)] as const),
  ])
  unit.generation = {
    number,
    unit: unit.name,
    commit: unit.commit,
    desired: unit.desired,
    why: unit.why,
    at: run.host.now().toISOString(),
    steps,
    ...(await whoCommitted(run, unit)),
    wrote: wrote(unit),
    kept: keptIn(unit, steps),
    outcome: 'applied',
    ended: null,
    reason: null,
    before: { applied: run.inventory.applied.get(unit.name) ?? null, targets, secrets, originals: before, vacated, roots },
  }
  store.saveGeneration(unit.generation)
  store.saveJournal({ open: [...open, { generation: number, undo: false }] })
}

function isRecord(run: Run, number: number): boolean {
  const generation = run.host.store.generation(number)
  return generation !== null && generation.outcome !== 'applied'
}

function wrote(unit: Unit): Generation['wrote'] {
  const writing = planned(unit).filter(({ plan }) => writes(plan.changes).length > 0)
  const { created, updated, deleted } = counts(writing.flatMap(({ plan }) => plan.changes))
  return { targets: writing.map(({ name }) => name), created, updated, deleted }
}

/** The copies of what a person wrote. */
function keptIn(unit: Unit, steps: readonly Step[]): KeptCopy[] {
  const theirs = new Set(
    planned(unit).flatMap(({ root, plan }) =>
      plan.changes.flatMap((change) => ('kept' in change && change.kept ? [under(root, change.path)] : [])),
    ),
  )
  return steps.flatMap((step) => {
    if (!theirs.has(step.path) || step.kind === 'mkdir' || step.kind === 'rmdir') return []
    const copy = step.kind === 'edit' ? step.edits : step.before?.digest
    return copy === undefined ? [] : [{ path: step.path, copy }]
  })
}

/** What a run left that was killed just before it opened the journal, or just after it closed it: never live, and never to be rolled back to. */
function dropOrphans(run: Run, open: readonly { readonly generation: number }[]): void {
  if (run.inventory.generation === 0) return
  for (const number of run.host.store.generations())
    if (number > run.inventory.generation && open.every((entry) => entry.generation !== number) && !isRecord(run, number))
      run.host.store.dropGeneration(number)
}

function beforeOf(run: Run, unit: Unit, { root, name, onRemove, plan, owned, target }: UnitTarget): TargetBefore {
  const known = run.inventory.targets.get(root)
  const paths = target === null ? [...owned.keys()] : plan.changes.map((change) => change.path)
  return {
    source: known?.source ?? unit.name,
    name: known?.name ?? name,
    onRemove: known?.onRemove ?? onRemove,
    directories: known?.directories ?? [],
    existed: known !== undefined,
    entries: new Map(paths.map((path) => [path, owned.get(path) ?? null])),
  }
}

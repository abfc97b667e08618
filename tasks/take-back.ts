import { listOf } from '../lib/host/edit.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { isStanding, states } from '../lib/model/history.ts'
import { short } from '../lib/model/path.ts'
import type { Generation } from '../lib/model/state.ts'
import { readGenerations } from './history.ts'
import { recover } from './recover.ts'
import { interrupted, type Run } from './run.ts'
import { stillSuspended } from './suspension.ts'

/** How far back, and of what; null where nothing was said. */
export interface Back {
  /** The generation that is to be live again; otherwise the one before the last applied. */
  readonly generation: number | null
  readonly source: string | null
  readonly target: string | null
}

/**
 * Takes applied revisions back, newest first, and holds them. Returns what it did, for people. Throws `usage` for a generation, source or
 * target that there is not, `no-such-path` when there is nothing to take back, `stuck` when what it needs is lost.
 */
export async function takeBackTo(run: Run, back: Back): Promise<string[]> {
  const said = interrupted(run) ? await recover(run) : []
  const all = readGenerations(run.host.store)
  const unit = unitOf(run, all, back)
  const live = states(all, run.inventory.generation, unit)
  const going = back.generation === null ? live.slice(-1) : live.filter(({ number }) => number > (back.generation ?? 0))
  refuseIfLost(run, unit, going, back.generation)
  if (going.length === 0 && back.generation !== null)
    return [...said, `Generation ${back.generation} of ${unit} is live already. Nothing was changed.`]
  if (going.length === 0) throw nothing()
  refuseWithoutStrategy(run, going)
  refuseWithoutCopies(run, going)
  // The rest is recovery's work, also if we are killed in the middle of it: it holds the revisions and undoes them, newest first.
  run.host.store.saveJournal({ open: going.map(({ number }) => ({ generation: number, undo: true })) })
  const undone = await recover(run)
  return [
    ...said,
    ...undone.filter((line) => line.includes('left alone')),
    result(run, unit, going),
    ...company(going, back),
    ...stillSuspended(run, unit),
  ]
}

function nothing(): GitopsError {
  return new GitopsError('no-such-path', 'there is no applied generation to roll back to', { hint: 'Nothing was changed.' })
}

function result(run: Run, unit: string, going: readonly Generation[]): string {
  const numbers = going.map(({ number }) => number).toReversed()
  const applied = run.inventory.applied.get(unit)
  const what = `generation${numbers.length === 1 ? '' : 's'} ${numbers.join(', ')}`
  return `Rolled back: ${unit}, ${what}. ${applied === undefined ? 'What was there before us is back' : `Live again: ${short(applied.commit)}`}.`
}

/** One source goes live, or back, as a whole: whoever named a target hears what went back with it. */
function company(going: readonly Generation[], { target }: Back): string[] {
  const others = new Set(going.flatMap(({ wrote }) => wrote.targets))
  others.delete(target ?? '')
  return target === null || others.size === 0 ? [] : [`With ${target} went back, from the same source: ${[...others].join(', ')}.`]
}

/** Whose generations are meant: those of what was named, or else of the source that was applied last. */
function unitOf(run: Run, all: readonly Generation[], { generation, source, target }: Back): string {
  const named = [source === null ? [] : [known(run, source)], target === null ? [] : [feeding(run, target)]].flat()
  const one = generation === null ? null : chosen(run, all, generation)
  const units = new Set([...named, ...(one === null ? [] : [one.unit])])
  if (units.size > 1) {
    const what = one === null ? `target ${target ?? ''}` : `generation ${one.number}`
    throw new GitopsError('usage', `${what} belongs to the source ${[...units].at(-1) ?? ''}, not to ${[...units][0] ?? ''}`, {
      hint: 'Name one of the two.',
    })
  }
  const [unit] = units
  if (unit !== undefined) return unit
  const last = all.findLast((each) => states([each], run.inventory.generation, each.unit).length > 0)
  refuseIfLost(run, null, last === undefined ? [] : [last], null)
  if (last === undefined) throw nothing()
  return last.unit
}

function known({ config, inventory }: Run, source: string): string {
  const all = new Set([...config.sources.map(({ name }) => name), ...inventory.applied.keys()])
  if (all.has(source)) return source
  throw new GitopsError('usage', `there is no source ${JSON.stringify(source)}`, { hint: `Known: ${[...all].join(', ')}.` })
}

function feeding({ config, inventory }: Run, target: string): string {
  const all = [...config.targets, ...config.secrets, ...inventory.targets.values(), ...inventory.secrets.values()]
  const found = all.find(({ name }) => name === target)
  if (found !== undefined) return found.source
  const names = [...new Set(all.map(({ name }) => name))].join(', ')
  throw new GitopsError('usage', `there is no target ${JSON.stringify(target)}`, { hint: `Known: ${names}.` })
}

function chosen(run: Run, all: readonly Generation[], number: number): Generation {
  const found = all.find((each) => each.number === number)
  if (found !== undefined && isStanding(all, run.inventory.generation, found)) return found
  const what =
    found === undefined
      ? `there is no generation ${number} here`
      : `generation ${number} is not applied any more: its content cannot be gone back to`
  throw new GitopsError('usage', what, { hint: '`gitops history` marks those that there are with ○. Nothing was changed.' })
}

/**
 * What goes must be an unbroken row from what is live down to `floor`, the generation that stays: an older one, undone in its place, would
 * leave a mixture of the two. Throws `stuck`.
 */
function refuseIfLost(run: Run, unit: string | null, going: readonly Generation[], floor: number | null): void {
  const { store } = run.host
  const oldest = going[0]?.number ?? Number.POSITIVE_INFINITY
  const readable = (number: number, name: string): boolean => store.generation(number)?.unit === name
  const listed = new Set(store.generations())
  for (const [name, { generation: number }] of run.inventory.applied) {
    if (unit !== null && unit !== name) continue
    // One that is older than what goes was collected, or is another source's: it is in nobody's way.
    const past = number < oldest && (unit === null || !listed.has(number))
    if (number !== 0 && !past && !readable(number, name)) throw lost(`generation ${number}, which is live,`, store.directory)
  }
  for (const { unit: name, before } of floor === null ? [] : going) {
    const number = before.applied?.generation ?? 0
    if (number > (floor ?? 0) && !readable(number, name)) throw lost(`generation ${number}, which would have to go too,`, store.directory)
  }
}

/** An undo that has begun is in the way of every source, so what it would lack is asked for before. Throws `stuck`. */
function refuseWithoutStrategy({ host: { kept, documents } }: Run, going: readonly Generation[]): void {
  for (const step of going.flatMap(({ steps }) => steps)) if (step.kind === 'edit') documents.demand(listOf(step, kept).as, step.path)
}

/** Nor may it end in the middle because a copy is lost. Throws `stuck`. */
function refuseWithoutCopies({ host: { kept } }: Run, going: readonly Generation[]): void {
  for (const { number, steps } of going.toReversed())
    for (const step of steps) {
      const copy = step.kind === 'put' || step.kind === 'remove' ? (step.before?.digest ?? null) : null
      if (copy === null || kept.opens(copy)) continue
      throw new GitopsError(
        'stuck',
        `generation ${number} cannot be taken back: the copy of ${step.path}, ${kept.place(copy)}, is missing or damaged`,
        {
          hint: 'Nothing was changed; commit the older content to the source to go back to it.',
        },
      )
    }
}

function lost(what: string, directory: string): GitopsError {
  return new GitopsError('stuck', `${what} is missing or damaged in ${directory}/generations`, {
    hint: 'It cannot be taken back. Nothing was changed; commit the older content to the source to go back to it.',
  })
}

import { short } from '../lib/model/path.ts'
import { suspension } from './suspension.ts'
import { fail, type Run, type Step, type Unit } from './run.ts'

/** Fetches each source once: a ref becomes a commit whose objects are here. */
export function pull(run: Run): Step[] {
  return run.units
    .filter((unit) => unit.source !== null)
    .map((unit) => ({
      title: unit.name,
      task: async (_, task) => {
        const suspended = suspension(run, unit)
        if (suspended !== null) return task.skip(fail(unit, suspended).message)
        try {
          unit.pulled = await pullOne(run, unit)
          unit.repository = unit.pulled.repository
        } catch (error) {
          throw fail(unit, error)
        }
        const { ref, commit, note, problem } = unit.pulled
        task.title = `${unit.name}  ${ref} is ${short(commit)}${note === null ? '' : ` (${note})`}${problem === null ? '' : ` (${problem})`}`
      },
    }))
}

async function pullOne(run: Run, unit: Unit): Promise<NonNullable<Unit['pulled']>> {
  if (unit.source === null) throw new Error('a unit without a source is not pulled')
  const known = Object.hasOwn(run.options.pulled, unit.name) ? run.options.pulled[unit.name] : undefined
  const pulled = await run.host.pull(unit.source, { fetch: run.options.fetch && known === undefined, signal: run.signal })
  if (known === undefined) return pulled
  // The parent has looked for it already.
  if (unit.source.kind !== 'self' || run.options.configFrom === null) return { ...pulled, commit: known, incoming: null }
  return { ...pulled, commit: known, incoming: null, note: `judged by the config of ${short(known)}`, problem: null }
}

import { knownOf } from './hold.ts'
import type { Run } from './run.ts'

/** Tells other tools what is known of each source, in `conditions.json`; it is written only when that has changed. */
export function sayConditions(run: Run, at: string): void {
  const sources = run.config.sources.map(({ name }) => {
    const { attempted, refused, conditions } = knownOf(run, name)
    return { name, lastApplied: run.inventory.applied.get(name) ?? null, lastAttempted: attempted, refused, conditions }
  })
  const text = `${JSON.stringify({ kind: 'conditions', name: run.config.name, at, sources }, null, 2)}\n`
  const { store } = run.host
  if (timeless(store.conditions()) !== timeless(text)) store.saveConditions(text)
}

/** When it was looked at is no change. */
function timeless(text: string): string {
  return text.replaceAll(/^ +"at": ".*",?$/gm, '')
}

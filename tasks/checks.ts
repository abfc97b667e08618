import { pause } from '../lib/host/pause.ts'
import type { Check } from '../lib/model/config.ts'
import type { AbsPath } from '../lib/model/path.ts'
import { hiding } from './hide.ts'
import type { Run } from './run.ts'

/** Where a check is run and what it is told. */
export interface Circumstance {
  readonly cwd: AbsPath
  readonly stage: AbsPath | null
  readonly source: string | null
  readonly revision: string | null
}

/** A check that has passed, or that had nothing to check here: then why. */
export interface Passed {
  readonly name: string
  readonly skipped: string | null
}

/** What has passed and what was skipped, for people. */
export function passedSaid(all: readonly Passed[], passed: (names: readonly string[]) => string): string {
  const names = all.flatMap(({ name, skipped }) => (skipped === null ? [name] : []))
  const skipped = all.flatMap(({ name, skipped }) => (skipped === null ? [] : [`${name} skipped: ${skipped}`]))
  return [...(names.length > 0 ? [passed(names)] : []), ...skipped].join('; ')
}

/** Runs one check, again after a growing pause while it has retries left. Throws the last failure. */
export async function runCheck(run: Run, check: Check, circumstance: Circumstance): Promise<Passed> {
  for (let failures = 0; ; failures++) {
    let skipped: string | null = null
    try {
      await run.host.attempt({
        ...circumstance,
        what: `check ${JSON.stringify(check.name)}`,
        run: check.run,
        home: run.config.home,
        timeout: check.timeout,
        signal: run.signal,
        hide: hiding(run),
        warn: (sentence) => note(run, `check ${JSON.stringify(check.name)}: ${sentence}`),
        skip: (reason) => void (skipped = reason),
      })
      return { name: check.name, skipped }
    } catch (error) {
      if (failures >= check.retries || run.signal.aborted) throw error
      await pause(Math.min(1000 * 2 ** failures, 30_000), run.signal)
    }
  }
}

/** After a rollback, checks run once more; what they say is said once. */
function note(run: Run, sentence: string): void {
  if (!run.notes.includes(sentence)) run.notes.push(sentence)
}

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAULTS, STORIES } from './classes.ts'
import type { Result } from './cases.ts'

/** What a class of cases came to: how many there were, how they ended, how many broke a promise, how many of how many calls were hit. */
interface Count {
  readonly calls: number
  readonly hit: number
  readonly cases: number
  readonly old: number
  readonly new: number
  readonly violations: number
}

/** Counts by class, `story:fault`. */
export type Counts = Record<string, Count>

const FILE = join(import.meta.dirname, 'counts.json')

/** The count of a class that has `calls` calls. */
export function counted(calls: number, results: readonly Result[]): Count {
  const told = results.filter(({ hit }) => hit !== null)
  return {
    calls,
    hit: new Set(told.map(({ hit }) => hit?.label)).size,
    cases: told.length,
    old: told.filter(({ end }) => end === 'old').length,
    new: told.filter(({ end }) => end === 'new').length,
    violations: told.filter(({ wrong }) => wrong.length > 0).length,
  }
}

/** Writes what classes came to, beside what is known of the others: `npm run docs` puts it into docs/recovery.md. */
export function save(counts: Counts): void {
  writeFileSync(FILE, `${JSON.stringify({ ...load(), ...counts }, null, 2)}\n`)
}

/** What the last run of each class came to. */
export function load(): Counts {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Counts
}

/** The table of what was tried, for people. A class that was never told in full is in it as not tried. */
function table(counts: Counts): string {
  const rows = STORIES.flatMap((story) =>
    FAULTS.map((fault) => {
      const {
        calls,
        cases,
        old,
        new: now,
        violations,
      } = counts[`${story.name}:${fault}`] ?? { calls: 0, cases: 0, old: 0, new: 0, violations: 0 }
      return `| ${story.title} | ${fault === 'KILL' ? 'killed' : fault} | ${calls} | ${cases} | ${old} | ${now} | ${violations} |`
    }),
  )
  const sum = (part: 'calls' | 'cases' | 'old' | 'new' | 'violations'): number =>
    Object.values(counts).reduce((all, each) => all + each[part], 0)
  const all = `| **all** | | ${sum('calls')} | ${sum('cases')} | ${sum('old')} | ${sum('new')} | ${sum('violations')} |`
  return [
    '| what is under way | what happens to a call | calls | tried | ended old | ended new | promises broken |',
    '|---|---|--:|--:|--:|--:|--:|',
    ...rows,
    all,
    '',
  ].join('\n')
}

const [BEGIN, END] = ['<!-- what `npm run test:faults` counted; written by `npm run docs` -->\n', '<!-- end of the count -->']

/** A page of documentation with its table as the counts are now. */
export function withTable(page: string): string {
  const [head = '', rest] = page.split(BEGIN)
  const tail = rest?.split(END)[1]
  if (tail === undefined) throw new Error('the page has no place for the table')
  return `${head}${BEGIN}\n${table(load())}\n${END}${tail}`
}

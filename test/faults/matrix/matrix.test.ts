import { availableParallelism } from 'node:os'
import { afterAll, describe, expect, test } from 'vitest'
import { casesOf, tell, wanted, WHOLE, type Case, type Result } from './cases.ts'
import { FAULTS, STORIES, type Story } from './classes.ts'
import { counted, save, type Counts } from './counts.ts'
import { worlds, type Told } from './stories.ts'
import { unable } from './strace.ts'
import type { Lane } from './world.ts'

/** How many cases of one class are told: a few in `npm test`, all in `npm run test:faults`, or as many as are asked for. */
const SAMPLE = Number(process.env['GITOPS_MATRIX_SAMPLE'] ?? (process.env['GITOPS_FAULT_ROUNDS'] === undefined ? 2 : Infinity))
/** How often a class is gone through again for the calls that were not hit. */
const PASSES = SAMPLE === Infinity ? 3 : 1

/** Every so many cases a third run has to find nothing to do. */
const THIRDS = 10

const reason = unable()
const ground = worlds(SAMPLE === Infinity ? Math.max(2, availableParallelism()) : 2)
const counts: Counts = {}
const broken = new Map<string, number>()

afterAll(() => {
  ground.remove()
  if (reason !== null) return
  const sum = (part: 'cases' | 'old' | 'new' | 'violations'): number => Object.values(counts).reduce((all, each) => all + each[part], 0)
  const kinds = [...broken].map(([kind, times]) => `${kind} ${times}`).join(', ')
  console.log(`matrix: ${sum('cases')} cases, old ${sum('old')}, new ${sum('new')}, broken ${sum('violations')}${kinds && ` (${kinds})`}`)
  if (SAMPLE > 10 && WHOLE) save(counts)
})

/** Evenly spread, the same ones each time, and others for another class. */
function sample(cases: readonly Case[], offset: number, size: number): readonly Case[] {
  const stride = Math.max(1, cases.length / size)
  return cases.filter((_, index) => Math.floor((index + offset * 7) / stride) !== Math.floor((index + offset * 7 - 1) / stride))
}

/** Tells cases on the lanes of their world, one at a time on each; then again those whose calls were not hit. */
async function tellAll({ story, world }: Told, fault: string, cases: readonly Case[]): Promise<{ results: Result[]; wrong: string[] }> {
  const results: Result[] = []
  const wrong: string[] = []
  const began = Date.now()
  const one = async (lane: Lane, queue: Case[]): Promise<void> => {
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
      const result = await tell(each, lane, results.length % THIRDS === 0)
      results.push(result)
      if (result.wrong.length > 0) wrong.push(`at ${result.hit?.label ?? ''}:\n    ${result.wrong.join('\n    ')}`)
      for (const kind of new Set(result.wrong.map((line) => line.split(':')[0] ?? ''))) broken.set(kind, (broken.get(kind) ?? 0) + 1)
      if (results.length % 50 === 0)
        console.log(`${story.name}:${fault} ${results.length} told, ${cases.length} calls, ${Math.round((Date.now() - began) / 1000)} s`)
    }
  }
  for (let pass = 0; pass < PASSES; pass++) {
    const hit = new Set(results.map((result) => result.hit?.label))
    const queue = cases.filter(({ call }) => !hit.has(call.label))
    await Promise.all(world.lanes.map((lane) => one(lane, queue)))
  }
  return { results, wrong }
}

/** Little is told of a rare story in `npm test`: a kill and an error. */
function sizeFor(story: Story, fault: string): number {
  if (story.rare === undefined || SAMPLE > 2) return SAMPLE
  return ['KILL', 'EIO'].includes(fault) ? 1 : 0
}

for (const story of STORIES) {
  describe.skipIf(reason !== null)(reason ?? story.title, () => {
    for (const [offset, fault] of FAULTS.entries()) {
      const how = fault === 'KILL' ? 'killed' : `given ${fault}`
      test.runIf(wanted(story.name, fault, null) && sizeFor(story, fault) > 0)(
        `${story.title} that is ${how} at any system call is finished by the next run: exactly old or exactly new`,
        { timeout: 0 },
        async ({ skip }) => {
          const told = await ground.tell(story)
          const cases = casesOf(told, fault)
          skip(cases.length === 0, 'not asked for')
          const began = Date.now()
          const { results, wrong } = await tellAll(told, fault, sample(cases, offset, sizeFor(story, fault)))
          const count = counted(cases.length, results)
          counts[`${story.name}:${fault}`] = count
          const took = (Date.now() - began) / 1000 / Math.max(1, results.length)
          console.log([`${story.name}:${fault} ${JSON.stringify(count)} ${took.toFixed(2)} s a case`, ...wrong].join('\n'))
          expect(wrong.join('\n')).toBe('')
          expect(count.cases, 'commands that came to a call').toBeGreaterThanOrEqual(results.length / 2)
        },
      )
    }
  })
}

import { afterAll, describe, expect, test } from 'vitest'
import { casesOf, tell, wanted, WHOLE, type Case, type Result } from './cases.ts'
import { FAULTS, STORIES } from './classes.ts'
import { counted, save, type Counts } from './counts.ts'
import { worlds, type Told } from './stories.ts'
import { unable } from './strace.ts'
import type { Lane } from './world.ts'

/** How many cases of one class are told: a few in `npm test`, all in `npm run test:faults`, or as many as are asked for. */
const SAMPLE = Number(process.env['GITOPS_MATRIX_SAMPLE'] ?? (process.env['GITOPS_FAULT_ROUNDS'] === undefined ? 2 : Infinity))
/** How often a class is gone through again for the calls that were not hit. */
const PASSES = SAMPLE === Infinity ? 3 : 1

const reason = unable()
const ground = worlds()
const counts: Counts = {}

afterAll(() => {
  ground.remove()
  if (SAMPLE > 10 && WHOLE && reason === null) save(counts)
})

/** Evenly spread, the same ones each time, and others for another class. */
function sample(cases: readonly Case[], offset: number): readonly Case[] {
  const stride = Math.max(1, cases.length / SAMPLE)
  return cases.filter((_, index) => Math.floor((index + offset * 7) / stride) !== Math.floor((index + offset * 7 - 1) / stride))
}

/** Tells cases on the lanes of their world, two at a time; then again those whose calls were not hit. */
async function tellAll({ world }: Told, cases: readonly Case[]): Promise<{ results: Result[]; wrong: string[] }> {
  const results: Result[] = []
  const wrong: string[] = []
  const one = async (lane: Lane, queue: Case[]): Promise<void> => {
    for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
      const result = await tell(each, lane)
      results.push(result)
      if (result.wrong.length > 0) wrong.push(`at ${result.hit?.label ?? ''}:\n    ${result.wrong.join('\n    ')}`)
    }
  }
  for (let pass = 0; pass < PASSES; pass++) {
    const hit = new Set(results.map((result) => result.hit?.label))
    const queue = cases.filter(({ call }) => !hit.has(call.label))
    await Promise.all(world.lanes.map((lane) => one(lane, queue)))
  }
  return { results, wrong }
}

for (const story of STORIES) {
  describe.skipIf(reason !== null)(reason ?? story.title, () => {
    for (const [offset, fault] of FAULTS.entries()) {
      const how = fault === 'KILL' ? 'killed' : `given ${fault}`
      test.runIf(wanted(story.name, fault, null))(
        `${story.title} that is ${how} at any system call is finished by the next run: exactly old or exactly new`,
        { timeout: 3_600_000 },
        async ({ skip }) => {
          const told = await ground.tell(story)
          const cases = casesOf(told, fault)
          skip(cases.length === 0, 'not asked for')
          const { results, wrong } = await tellAll(told, sample(cases, offset))
          const count = counted(cases.length, results)
          counts[`${story.name}:${fault}`] = count
          console.log([`${story.name}:${fault} ${JSON.stringify(count)}`, ...wrong].join('\n'))
          expect(wrong.join('\n')).toBe('')
          expect(count.cases, 'commands that came to a call').toBeGreaterThanOrEqual(results.length / 2)
        },
      )
    }
  })
}

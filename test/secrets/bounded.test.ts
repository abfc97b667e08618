import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

interface Outcome {
  readonly seconds: number
  readonly came: string
}

const CHILD = resolve(import.meta.dirname, '../support/hostile.ts')

test('files of ten megabytes that were made to exhaust their reader are refused soon and in little memory, and no selector takes for ever', () => {
  const printed = execFileSync(process.execPath, ['--max-old-space-size=400', CHILD], { encoding: 'utf8' })
  const { refused, selected, megabytes } = JSON.parse(printed) as {
    refused: Record<string, Outcome>
    selected: Record<string, Outcome>
    megabytes: number
  }
  // Seconds of a busy machine; without the limits each of them takes minutes, or all memory.
  const slow = Object.entries({ ...refused, ...selected }).filter(([, { seconds }]) => seconds > 15)
  expect(slow).toEqual([])
  expect(Object.entries(refused).filter(([, { came }]) => came !== 'syntax')).toEqual([])
  expect(Object.keys(refused).length).toBeGreaterThanOrEqual(9)
  // Refused or used, but within the time.
  expect(Object.values(selected).filter(({ came }) => came !== 'fine' && came !== 'metadata')).toEqual([])
  expect(megabytes).toBeLessThan(800)
})

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { BUILD_TIME, buildOracle, startOracle, type Build, type Oracle, type OracleFormat } from '../support/oracle.ts'

/** The other tests trust the program in `test/oracle`; this one compares it with the command line, whose answers are in the corpus. */
const CORPUS = resolve(import.meta.dirname, '../fixtures/sops')
let built: Build

interface Case {
  readonly file: string
  readonly format: OracleFormat
  readonly plain?: string
  readonly sops: number
}

let oracle: Oracle
let home: string

beforeAll(() => {
  built = buildOracle()
  home = mkdtempSync(join(tmpdir(), 'gitops-oracle-'))
  if (built.program !== null) oracle = startOracle(built, home)
}, BUILD_TIME)

afterAll(() => {
  oracle?.end()
  rmSync(home, { recursive: true, force: true })
})

test('the program that asks the sops library answers as the command line of sops did, for every file of the corpus', async ({ skip }) => {
  skip(built.program === null, built.reason)
  const cases = JSON.parse(readFileSync(join(CORPUS, 'cases.json'), 'utf8')) as Case[]
  const identity = readFileSync(join(CORPUS, 'reader.identity'), 'utf8').replaceAll(/^#.*\n/gm, '')
  const answers = await Promise.all(
    cases.map(({ file, format }) => oracle.ask({ op: 'decrypt', format, identity, bytes: readFileSync(join(CORPUS, file)) })),
  )
  expect(cases.map(({ file }, index) => [file, answers[index]?.code])).toEqual(cases.map(({ file, sops }) => [file, sops]))
  for (const [index, { file, plain }] of cases.entries())
    if (plain !== undefined) expect(answers[index]?.bytes.equals(readFileSync(join(CORPUS, plain))), file).toBe(true)
  expect(cases.length).toBeGreaterThan(60)
})

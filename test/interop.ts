import { spawnSync } from 'node:child_process'
import { buildOracle } from './support/oracle.ts'
import { seed } from './support/random.ts'

/*
 * Thousands of random documents, and of random changes to encrypted files, carried between the real sops and ours; then the
 * tests that want the command lines of sops and age. Prints what it did; fails when anything was left out.
 *   npm run test:interop [-- documents for each test]
 */

const RUNS = Number(process.argv[2] ?? 3000)
const TESTS = ['oracle', 'property', 'tampering', 'next-version', 'live', 'flat-live', 'age', 'versions'].map(
  (name) => `test/secrets/${name}.test.ts`,
)

function main(): number {
  const { program, reason } = buildOracle(true)
  if (program === null) return say(reason)
  const env = { ...process.env, GITOPS_ORACLE: program, GITOPS_RUNS: String(RUNS), GITOPS_TEST_SEED: String(seed) }
  say(`${RUNS} documents for each test, GITOPS_TEST_SEED=${seed}`)
  const ran = spawnSync('vitest', ['run', ...TESTS, '--disable-console-intercept'], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.stdout.write(ran.stdout)
  if (ran.status !== 0) return 1
  return /\b0 skipped\s*$/.test(ran.stdout)
    ? 0
    : say('Some tests were skipped: put sops 3.13.3 (or GITOPS_SOPS) and age where they are found.')
}

function say(sentence: string): number {
  process.stdout.write(`${sentence}\n`)
  return 1
}

process.exitCode = main()

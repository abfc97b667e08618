import { createHash, randomInt } from 'node:crypto'

/** The seed of everything random in a test run; printed once, and given again by `GITOPS_TEST_SEED`. */
export const seed = Number(process.env['GITOPS_TEST_SEED'] ?? randomInt(2 ** 31))

/** The seed of the properties of random documents: new documents in the long form, the same ones in `npm test`, where a failure must be of the change's making. */
export const propertySeed = process.env['GITOPS_RUNS'] === undefined && process.env['GITOPS_TEST_SEED'] === undefined ? 1 : seed

/** Numbers from 0 to 1 that are the same for the same seed and purpose. */
export function random(purpose: string): () => number {
  console.log(`GITOPS_TEST_SEED=${seed} (${purpose})`)
  let state = createHash('sha256').update(`${seed} ${purpose}`).digest().readUInt32LE()
  // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One side of a comparison: a command and where it runs. */
export interface Side {
  readonly name: string
  readonly run: () => void
}

function milliseconds(run: () => void): number {
  const start = process.hrtime.bigint()
  run()
  return Number(process.hrtime.bigint() - start) / 1e6
}

/** The one in the middle. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** Runs two sides in turns, so that a busy machine slows both, and prints the median of their ratios. */
export function compare(ours: Side, theirs: Side, rounds: number, goal: string): void {
  const pairs: [number, number][] = []
  ours.run()
  theirs.run()
  for (let round = 0; round < rounds; round++) pairs.push([milliseconds(ours.run), milliseconds(theirs.run)])
  const [mine, other] = [median(pairs.map(([one]) => one)), median(pairs.map(([, two]) => two))]
  const ratio = median(pairs.map(([one, two]) => one / two))
  const line = `${ours.name} / ${theirs.name}`
  process.stdout.write(`${line.padEnd(64)} ${ratio.toFixed(2).padStart(6)}   ${mine.toFixed(0)} ms / ${other.toFixed(0)} ms${goal}\n`)
}

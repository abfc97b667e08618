/** More pairs of equal names than this are not compared; the first of each then goes with the first. */
const MAX_PAIRS = 1_000_000

interface Pair {
  readonly old: number
  readonly now: number
  readonly before: Pair | undefined
}

/**
 * For each name in a list, the place of one that is equal in an older list, or -1. No place is given twice. As many as can be keep
 * their order (the longest common subsequence); the others take what is left.
 */
export function align(old: readonly string[], now: readonly string[]): number[] {
  const places = new Map<string, number[]>()
  for (const [place, name] of old.entries()) {
    const known = places.get(name)
    if (known === undefined) places.set(name, [place])
    else known.push(place)
  }
  const aligned = now.map(() => -1)
  const used = new Set<number>()
  const pairs = now.reduce((count, name) => count + (places.get(name)?.length ?? 0), 0)
  if (pairs <= MAX_PAIRS) {
    for (let pair = longest(places, now); pair !== undefined; pair = pair.before) {
      aligned[pair.now] = pair.old
      used.add(pair.old)
    }
  }
  const left = new Map([...places].map(([name, all]) => [name, all.filter((place) => !used.has(place)).toReversed()]))
  return aligned.map((place, index) => (place >= 0 ? place : (left.get(now[index] ?? '')?.pop() ?? -1)))
}

/** The last pair of the longest chain in which both lists go forward. */
function longest(places: ReadonlyMap<string, readonly number[]>, now: readonly string[]): Pair | undefined {
  /** For each length the chain that ends earliest in the old list. */
  const chains: Pair[] = []
  for (const [index, name] of now.entries()) {
    const all = places.get(name) ?? []
    // Backwards, so that no chain takes two of them for one name.
    for (let at = all.length - 1; at >= 0; at -= 1) {
      const old = all[at] ?? 0
      const length = shorterThan(chains, old)
      chains[length] = { old, now: index, before: chains[length - 1] }
    }
  }
  return chains.at(-1)
}

/** How many chains end before a place. */
function shorterThan(chains: readonly Pair[], place: number): number {
  let [low, high] = [0, chains.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((chains[middle]?.old ?? 0) < place) low = middle + 1
    else high = middle
  }
  return low
}

/** How many times over the rounds of a fault suite are run: `npm run test:faults` asks for more. */
export const ROUNDS = Number(process.env['GITOPS_FAULT_ROUNDS'] ?? 1)

/** Counts how the cases of a suite ended; one that ended in anything else has failed its test by then. */
export interface Tally {
  ended(how: 'old' | 'new'): void
  /** Prints the counts in one line. */
  tell(): void
}

/** A count for a suite of a name. */
export function tally(suite: string): Tally {
  const counts = { old: 0, new: 0 }
  return {
    ended: (how) => void (counts[how] += 1),
    tell: () =>
      console.log(
        `faults, ${suite}: ${counts.old + counts.new} cases, ${counts.old} ended in exactly the old, ${counts.new} in exactly the new, 0 in anything else`,
      ),
  }
}

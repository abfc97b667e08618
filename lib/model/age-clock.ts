/** What runs have read off the clock, in milliseconds since 1970. */
export interface AgeClock {
  /** What ages are counted by; null until two runs, a day apart, have seen the clock. */
  readonly counted: number | null
  /** What a run has read that no run a day later has confirmed. */
  readonly seen: number
}

const DAY = 24 * 3_600_000

/** The clock after one more reading: one that jumps ahead, and is put back within a day, makes nothing older. Pure. */
export function readOff(before: AgeClock | null, now: number): AgeClock {
  if (before === null) return { counted: null, seen: now }
  const { counted, seen } = before
  if (now < seen) return { counted: counted === null ? null : Math.min(counted, now), seen: now }
  return now - seen < DAY ? before : { counted: seen, seen: now }
}

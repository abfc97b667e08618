import { setTimeout as sleep } from 'node:timers/promises'

/** Waits `ms` milliseconds. When the signal aborts, its own reason is thrown, which says who interrupted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}

/** Never changes: waiting for it is a pause. */
const CLOCK = new Int32Array(new SharedArrayBuffer(4))

/** Waits `ms` milliseconds and lets nothing else happen in this process meanwhile. */
export function pauseSync(ms: number): void {
  Atomics.wait(CLOCK, 0, 0, ms)
}

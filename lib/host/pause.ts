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

/** Calls between two looks, and the milliseconds after which one is due anyhow: whoever was stopped looks at once. */
const CALLS = 64
const PAUSE = 1000

/** What may be called for every file, and does its work the first time, every 64th time, and when a second has passed. */
export function nowAndThen(work: () => void): () => void {
  let calls = 0
  let last = 0
  return () => {
    if (calls++ % CALLS !== 0 && performance.now() - last < PAUSE) return
    work()
    last = performance.now()
  }
}

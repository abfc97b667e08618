import { lacking, type AgeIdentity } from './age.ts'
import type { Secret } from './secret.ts'

/**
 * Gets the passphrase of a key from a person. `what` is the key's file, `again` says that the last one was wrong. Gives a text
 * when there is none to be had; it follows "… is protected by a passphrase, and".
 */
export type Ask = (what: string, again: boolean) => Promise<Secret | string>

const LOCKED = 'is protected by a passphrase, and'

/** Whether a place has no identity for want of its passphrase. */
export function isLocked({ fault }: AgeIdentity): boolean {
  return fault?.includes(LOCKED) ?? false
}

/** Nobody is there to ask. */
export const askNobody: Ask = () => Promise.resolve('nobody can be asked for it here')

/** What is behind a passphrase, once it was given: identities, or a place without one that says why. `open` gives null for a wrong one. */
export async function unlock(
  origin: string,
  ask: Ask,
  open: (passphrase: Secret) => Promise<readonly AgeIdentity[] | null>,
): Promise<readonly AgeIdentity[]> {
  for (let again = false; ; again = true) {
    const given = await ask(origin, again)
    if (typeof given === 'string') return [lacking(origin, `${origin} ${LOCKED} ${given}`)]
    try {
      const opened = await open(given)
      if (opened !== null) return opened
    } finally {
      given.wipe()
    }
  }
}

/** The same work done once, however often it is asked for, also at the same time. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => (running ??= work())
}

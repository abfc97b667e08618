import type { Content } from './format.ts'
import { toEncrypt } from './leaf.ts'
import { associatedData } from './cipher.ts'
import type { Listener } from './open.ts'

/** What an opened file can give to its next version. */
export interface Donors {
  /** Told of each value of the old file. */
  readonly heard: Listener
  /** The old text of this very value at this very place, each text once; null when there is none left. */
  readonly reuse: (value: Content, associated: string) => string | null
}

/** Collects the encrypted values of an old file for the next one, which has the same data key. */
export function newDonors(): Donors {
  const texts = new Map<string, string[]>()
  return {
    heard(text, clear, { path }) {
      const name = nameOf(clear, associatedData(path))
      const known = texts.get(name)
      if (known === undefined) texts.set(name, [text])
      else known.push(text)
    },
    reuse: (value, associated) => texts.get(nameOf(value, associated))?.shift() ?? null,
  }
}

/** An IV never serves for another plaintext: place, type and bytes must all be the same. */
function nameOf(value: Content, associated: string): string {
  const leaf = toEncrypt(value)
  return leaf === null ? '' : `${leaf.type} ${associated.length} ${associated}${leaf.bytes.toString('latin1')}`
}

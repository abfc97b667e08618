import { align } from './align.ts'
import { associatedData } from './cipher.ts'
import type { Closing } from './close.ts'
import type { Documents } from './document.ts'
import type { Content } from './format.ts'
import { serialise, toEncrypt } from './leaf.ts'
import type { Listener } from './open.ts'
import type { Selector } from './rules.ts'
import { walk } from './walk.ts'

/** What an opened file can give to its next version. */
export interface Donors {
  /** Told of each value of the old file. */
  readonly heard: Listener
  /** Gives each selected value of the next version the text that the same value has had, each text once. */
  reuse(documents: Documents, isSelected: Selector): NonNullable<Closing['reuse']>
}

/** Collects the encrypted values of an old file for the next one, which has the same data key. */
export function newDonors(): Donors {
  const texts: string[] = []
  const names: string[] = []
  return {
    heard(text, clear, { path }) {
      // In a block a line feed stands behind it, which is not part of it.
      texts.push(text.trimEnd())
      names.push(nameOf(clear, associatedData(path)))
    },
    reuse(documents, isSelected) {
      const wanted: string[] = []
      walk(documents, (value, place) => {
        if (isSelected(place)) wanted.push(nameOf(value, associatedData(place.path)))
        return value
      })
      const donors = align(names, wanted)
      let next = 0
      return () => texts[donors[next++] ?? -1] ?? null
    },
  }
}

/**
 * An IV never serves for another plaintext: place, type and bytes must all be the same. Only what type of number it is does not count:
 * a float without a fraction is read again as an integer, and would change its type. What is hashed must be the same as well, for the MAC.
 */
function nameOf(value: Content, associated: string): string {
  const leaf = toEncrypt(value)
  if (leaf === null) return ''
  const type = leaf.type === 'int' || leaf.type === 'float' ? `number ${serialise(value)?.bytes.toString('latin1')}` : leaf.type
  return `${type} ${associated.length} ${associated}${leaf.bytes.toString('latin1')}`
}

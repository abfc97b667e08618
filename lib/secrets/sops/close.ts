import { associatedData, encryptLeaf, type DataKey } from './cipher.ts'
import { isComment, type Documents } from './document.ts'
import type { Change } from './format.ts'
import { newMac } from './mac.ts'
import type { Selector } from './rules.ts'
import { walk } from './walk.ts'

/** How many values are where. */
export interface ValueCount {
  /** How many values are encrypted. None, with a rule: the rule matches nothing and everything is in clear. */
  readonly encryptedValues: number
  /** How many values stand in clear because the rule says so; empty ones, which SOPS never encrypts, do not count. */
  readonly clearValues: number
}

/** Documents with their values encrypted. */
export interface Closed {
  readonly documents: Documents
  /** What was encrypted that has a place in a text. */
  readonly changes: readonly Change[]
  /** Over the values in clear; goes into the file's MAC. */
  readonly digest: string
  readonly count: ValueCount
}

/** How documents are encrypted. */
export interface Closing {
  readonly key: DataKey
  readonly isSelected: Selector
  readonly macOnlyEncrypted: boolean
  /** Asked for each selected value in order: the `ENC[…]` of an earlier file that holds this very value at this very place, or null for a fresh one. */
  readonly reuse?: () => string | null
}

/** Every selected value and comment encrypted; a new tree. */
export function closeDocuments(documents: Documents, { key, isSelected, macOnlyEncrypted, reuse }: Closing): Closed {
  const mac = newMac(macOnlyEncrypted)
  const changes: Change[] = []
  const count = { encryptedValues: 0, clearValues: 0 }
  const closed = walk(documents, (value, place) => {
    const selected = isSelected(place)
    if (selected || !macOnlyEncrypted) mac.add(value)
    const associated = associatedData(place.path)
    const text = selected ? (reuse?.() ?? encryptLeaf(value, key, associated)) : null
    if (text && place.at !== undefined) changes.push({ at: place.at, clear: value, encrypted: text })
    if (!isComment(value) && text !== '') count[text === null ? 'clearValues' : 'encryptedValues'] += 1
    return text ?? value
  })
  return { documents: closed, changes, digest: mac.digest(), count }
}

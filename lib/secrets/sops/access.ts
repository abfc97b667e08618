import { fault } from '../fault.ts'
import type { Recipient } from '../age.ts'
import type { DataKey } from './cipher.ts'
import type { Metadata } from './metadata.ts'
import { keyGroups, keyPart, wrapDataKey, wrapsFor, type KeyGroups, type Recipients, type WrappedKey } from './wrap-key.ts'

/** How access to a file changes from one version to the next. */
export interface Access {
  /** Null when the data key stays wrapped as it is. */
  readonly recipients: KeyGroups | null
  /** Who has access and had none. */
  readonly added: readonly string[]
  /** Who has lost it. */
  readonly removed: readonly string[]
  /** Whether the data key must be a new one: whoever has lost access knows the old one. */
  readonly rekeyed: boolean
}

/** What giving a file these recipients means; its own unless given. Throws `unsupported` where keys of other kinds than age would need a new data key. */
export function accessOf(metadata: Metadata, given: Recipients | undefined, newKey: boolean): Access {
  const before = metadata.groups.map(({ age }) => age.map(({ recipient }) => recipient as Recipient))
  const same = given === undefined || wrapsFor(metadata, given)
  if (same && !newKey) return { recipients: null, added: [], removed: [], rekeyed: false }
  const wanted = same ? { groups: before, threshold: metadata.threshold } : keyGroups(given)
  const [had, has] = [members(before), members(wanted.groups)]
  const removed = [...had].flatMap(([key, one]) => (has.has(key) ? [] : [one]))
  // Who needs the keys of others from now on knew the whole key before, or may have had it together with them once.
  const rekeyed = newKey || removed.length > 0 || before.length > 1 || wanted.groups.length > 1
  const others = [...new Set(metadata.groups.flatMap((group) => group.others))]
  if (rekeyed && others.length > 0) {
    throw fault('unsupported', `has keys of other kinds than age (${others.join(', ')}), for which a new data key cannot be wrapped here`, {
      hint: 'Use `sops rotate` for this file.',
    })
  }
  return { recipients: inOrder(wanted, before), added: [...has].flatMap(([key, one]) => (had.has(key) ? [] : [one])), removed, rekeyed }
}

function members(groups: readonly (readonly Recipient[])[]): Map<string, Recipient> {
  return new Map(groups.flat().map((one) => [keyPart(one), one]))
}

/** Who is there keeps the place in the file; the new ones follow. */
function inOrder({ groups, threshold }: KeyGroups, before: readonly (readonly Recipient[])[]): KeyGroups {
  const sorted = groups.map((group, index) => {
    const first = (before[index] ?? []).flatMap((old) => group.find((one) => keyPart(one) === keyPart(old)) ?? [])
    return [...new Set([...first, ...group])]
  })
  return { groups: sorted, threshold }
}

/** The data key wrapped for those who have access from now on. */
export async function giveAccess(key: DataKey, { groups, threshold }: Metadata, { recipients, rekeyed }: Access): Promise<WrappedKey> {
  if (recipients === null) return { groups, threshold }
  return wrapDataKey(key, recipients, rekeyed ? undefined : { groups, threshold })
}

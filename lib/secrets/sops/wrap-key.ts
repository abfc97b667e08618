import { wrap, type Recipient } from '../age.ts'
import { fault } from '../fault.ts'
import type { DataKey } from './cipher.ts'
import type { AgeEntry, KeyGroup } from './metadata.ts'
import { splitSecret } from './shamir.ts'

/** Groups of recipients of which `threshold` are needed together, one key of each; 1 for a single group. */
export interface KeyGroups {
  readonly groups: readonly (readonly Recipient[])[]
  readonly threshold: number
}

/** Who can read a file: any one of these, or so many of several groups together. */
export type Recipients = readonly Recipient[] | KeyGroups

/** The data key of a file, wrapped. */
export interface WrappedKey {
  readonly groups: readonly KeyGroup[]
  readonly threshold: number
}

/** The same as groups; each recipient counts once a group, as for SOPS. Throws `config` for an empty group or a threshold that cannot be. */
export function keyGroups(recipients: Recipients): KeyGroups {
  const given = 'groups' in recipients ? recipients : { groups: [recipients], threshold: 1 }
  const groups = given.groups.map((group) => group.filter((one, at) => group.findIndex((other) => keyPart(other) === keyPart(one)) === at))
  if (groups.length === 0 || groups.some((group) => group.length === 0))
    throw fault('recipient', groups.length > 1 ? 'has a key group without a recipient' : 'has no recipient to encrypt it to', {
      hint: 'Name one in .sops.yaml.',
    })
  if (groups.length === 1) return { groups, threshold: 1 }
  const { threshold } = given
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > groups.length || groups.length > 255)
    throw fault('recipient', `has a shamir_threshold of ${threshold}, which ${groups.length} key groups cannot have`, {
      hint: 'It is a number from 2 to the number of groups, of which there are at most 255.',
    })
  return { groups, threshold }
}

/**
 * The data key wrapped for its recipients. With `old`, the same key as a file has it wrapped already: what is wrapped for
 * somebody stays, and so do keys of other kinds than age. For a new data key there is no `old`; a file with keys of other
 * kinds must not get one, for nobody here could wrap it for them.
 */
export async function wrapDataKey(key: DataKey, recipients: Recipients, old?: WrappedKey): Promise<WrappedKey> {
  const { groups, threshold } = keyGroups(recipients)
  if (old !== undefined && wrapsFor(old, { groups, threshold })) return old
  const [only, ...more] = groups
  if (only !== undefined && more.length === 0) {
    const before = old?.groups.length === 1 ? old.groups[0] : undefined
    if (before === undefined) refuseOthers(old)
    return { groups: [await group(key, only, before)], threshold }
  }
  refuseOthers(old)
  const parts = splitSecret(key, groups.length, threshold)
  try {
    return { groups: await Promise.all(groups.map((members, index) => group(parts[index] ?? key, members))), threshold }
  } finally {
    for (const part of parts) part.fill(0)
  }
}

/** Whether a file's key is wrapped for exactly these already; order does not count. */
export function wrapsFor(old: WrappedKey, recipients: Recipients): boolean {
  const { groups, threshold } = keyGroups(recipients)
  if (groups.length !== old.groups.length || (groups.length > 1 && threshold !== old.threshold)) return false
  return groups.every((members, index) => {
    const names = new Set(old.groups[index]?.age.map(({ recipient }) => keyPart(recipient)))
    return names.size === members.length && members.every((member) => names.has(keyPart(member)))
  })
}

/** What of a recipient is its key: an SSH key has a comment behind it that says nothing of who can read. */
export function keyPart(recipient: string): string {
  return recipient.startsWith('ssh-') ? recipient.split(/\s+/, 2).join(' ') : recipient
}

async function group(part: Uint8Array, members: readonly Recipient[], old?: KeyGroup): Promise<KeyGroup> {
  const age = members.map(async (recipient): Promise<AgeEntry> => {
    return old?.age.find((entry) => keyPart(entry.recipient) === keyPart(recipient)) ?? { recipient, enc: await wrap(part, recipient) }
  })
  return { age: await Promise.all(age), others: old?.others ?? [], from: old?.from ?? null }
}

function refuseOthers(old: WrappedKey | undefined): void {
  const others = [...new Set(old?.groups.flatMap((one) => one.others))]
  if (others.length === 0) return
  throw fault('unsupported', `has keys of other kinds than age (${others.join(', ')}), and cannot be wrapped for them in new groups`, {
    hint: 'Use `sops updatekeys` for this file.',
  })
}

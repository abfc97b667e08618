import { recipient, type Recipient } from '../secrets/age.ts'
import { fault } from '../secrets/fault.ts'
import { inspectSops } from '../secrets/sops/decrypt.ts'
import { keyPart, type KeyGroups } from '../secrets/sops/wrap-key.ts'
import { findPolicy, matchFor, recipientsOf } from './creation-rule.ts'
import type { InputFile } from './encrypted-files.ts'

/** What a person says about who can read a file from now on. */
export interface RecipientWishes {
  readonly add: readonly Recipient[]
  readonly remove: readonly Recipient[]
  /** A `.sops.yaml`, in place of the nearest one. */
  readonly config?: string
}

/**
 * Who can read a file after it was rotated: whom the policy names, or without one whom the file names, and what a person
 * wishes; null for those that the file names. Nothing vouches for the names in a file: one that the policy does not have
 * may have been put there to be given the new key. Throws `invalid` for such a one.
 */
export async function recipientsAfter({ bytes, path }: InputFile, { add, remove, ...options }: RecipientWishes): Promise<KeyGroups | null> {
  const info = await inspectSops(bytes)
  if (info === null) return null
  const policy = path === null ? null : await findPolicy([path], options)
  const match = policy === null || path === null ? null : matchFor(policy, [path])
  if (policy === null || match === null) {
    if (add.length === 0 && remove.length === 0) return null
    if (info.groups > 1)
      throw fault('unsupported', 'has several key groups: whom they get is for .sops.yaml to say', { hint: 'Write a rule for it.' })
    return { groups: [without([...(await Promise.all(info.recipients.map(recipient))), ...add], remove)], threshold: 1 }
  }
  const { groups: named, threshold } = await recipientsOf(policy, match.rule)
  const known = new Set([...named.flat(), ...add, ...remove].map(keyPart))
  const strangers = info.recipients.filter((one) => !known.has(keyPart(one)))
  if (strangers.length > 0) {
    throw fault(
      'recipient',
      `has recipients that creation rule ${match.rule.number} of ${policy.file} does not name: ${strangers.join(', ')}`,
      {
        hint: `Whoever can write the file can put one there. Add them to the rule if they are to read it, or take them out with --rm-age ${strangers.join(',')}.`,
      },
    )
  }
  return { groups: named.map((group, index) => without(index === 0 ? [...group, ...add] : group, remove)), threshold }
}

function without(recipients: readonly Recipient[], remove: readonly Recipient[]): Recipient[] {
  const gone = new Set(remove.map(keyPart))
  return recipients.filter((one) => !gone.has(keyPart(one)))
}

import type { Recipient } from '../secrets/age.ts'
import { fault } from '../secrets/fault.ts'
import { inspectSops, type SopsInfo } from '../secrets/sops/decrypt.ts'
import { keyPart, type KeyGroups } from '../secrets/sops/wrap-key.ts'
import { findPolicy, matchFor, recipientsOf } from './creation-rule.ts'
import type { InputFile } from './encrypted-files.ts'

/** What a person says about who can read a file from now on. */
export interface RecipientWishes {
  /** Who may read it, in place of a rule's; empty when that is not said. */
  readonly age: readonly Recipient[]
  readonly add: readonly Recipient[]
  readonly remove: readonly Recipient[]
  /** A `.sops.yaml`, in place of the nearest one. */
  readonly config?: string
  /** The path that decides the rule, in place of the file's own; absolute. */
  readonly name?: string
}

/**
 * Who can read a file after it was rotated: whom a person or the policy names, and what a person wishes; null for what is no
 * encrypted file. Nothing vouches for the names in a file: one that neither of them has may have been put there to be given
 * the new key. Throws `invalid` for such a one, and `config` where nobody says who may read it.
 */
export async function recipientsAfter({ bytes, path }: InputFile, wishes: RecipientWishes): Promise<KeyGroups | null> {
  const info = await inspectSops(bytes)
  if (info === null) return null
  const { add, remove } = wishes
  const { groups: named, threshold, saidBy } = await confirmed(info, wishes.name ?? path, wishes)
  const known = new Set([...named.flat(), ...add, ...remove].map(keyPart))
  const strangers = info.recipients.filter((one) => !known.has(keyPart(one)))
  if (strangers.length > 0) {
    throw fault('recipient', `has recipients that ${saidBy} does not name: ${strangers.join(', ')}`, {
      hint: `Whoever can write the file can put one there. Add them to ${saidBy === AGE ? 'it' : 'the rule'} if they are to read it, or take them out with --rm-age ${strangers.join(',')}.`,
    })
  }
  return { groups: named.map((group, index) => without(index === 0 ? [...group, ...add] : group, remove)), threshold }
}

const AGE = '--age'

/** Whom somebody other than the file names. */
async function confirmed(
  info: SopsInfo,
  path: string | null,
  { age, ...options }: RecipientWishes,
): Promise<KeyGroups & { saidBy: string }> {
  const groups = info.groups > 1 ? `, in ${info.groups} key groups` : ''
  if (age.length > 0 && groups === '') return { groups: [age], threshold: 1, saidBy: AGE }
  const policy = path === null ? null : await findPolicy([path], options)
  const match = policy === null || path === null ? null : matchFor(policy, [path])
  if (policy !== null && match !== null && age.length === 0)
    return { ...(await recipientsOf(policy, match.rule)), saidBy: `creation rule ${match.rule.number} of ${policy.file}` }
  const rule = path === null ? 'name it with --filename-override, so that a rule is found' : 'write a rule for it in .sops.yaml'
  throw fault(
    'no-rule',
    `has no rule that says who may read it, and whoever can write it can add a name. It names ${info.recipients.join(', ')}${groups}`,
    {
      hint:
        groups === ''
          ? `If these are the ones, say so: --age ${info.recipients.join(',')}. Or ${rule}.`
          : `${rule[0]?.toUpperCase()}${rule.slice(1)}.`,
    },
  )
}

function without(recipients: readonly Recipient[], remove: readonly Recipient[]): Recipient[] {
  const gone = new Set(remove.map(keyPart))
  return recipients.filter((one) => !gone.has(keyPart(one)))
}

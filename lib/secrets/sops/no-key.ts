import { isSource, type AgeIdentity } from '../age.ts'
import { shortRecipient } from '../age/short-recipient.ts'
import { fault } from '../fault.ts'
import { isLocked } from '../passphrase.ts'
import type { KeyGroup, Metadata } from './metadata.ts'

/** The whole story: whose keys the file wants, which were tried, what could not be, and where there was nothing. */
export function noKey({ groups, threshold }: Metadata, opened: number, identities: readonly AgeIdentity[]): Error {
  const keys = identities.filter(({ key }) => key !== null && !isSource(key))
  const nothing = identities.filter(({ key, fault }) => key === null && fault === undefined)
  const parts = [
    `cannot be decrypted: ${reason(keys.length)}`,
    listed('Recipients of the file', '; and: ', groups.map(wants)),
    listed('Tried', ', ', keys.map(told)),
    listed('Not asked for, as the file has nothing for them', ', ', notFetched(identities).map(told)),
    listed('Not usable', '; ', new Set(identities.flatMap(({ fault }) => fault ?? []))),
    listed('Nothing in', ', ', new Set(nothing.map(({ origin }) => origin))),
  ]
  return fault('no-key', parts.filter((part) => part !== '').join('. '), {
    hint: hint(),
  })

  function hint(): string {
    if (identities.some(isLocked))
      return 'Type the passphrase at a terminal, or name a command that prints it in GITOPS_AGE_PASSPHRASE_CMD.'
    return keys.length === 0
      ? `Put your age identity where sops looks, or name its file in SOPS_AGE_KEY_FILE; or ask a recipient to add yours to .sops.yaml and to \`gitops rotate -i\` the file.`
      : 'Use the identity of one of the recipients, or ask one of them to add yours to .sops.yaml and to `gitops rotate -i` the file.'
  }

  function reason(tried: number): string {
    if (tried === 0) return 'there is no age identity to open it'
    if (groups.length > 1) return `it takes keys of ${threshold} of its ${groups.length} groups, and only ${opened} could be opened`
    return tried === 1 ? 'the only identity does not open it' : `none of the ${tried} identities opens it`
  }
}

/** Keys behind a passphrase that was not asked for. */
function notFetched(identities: readonly AgeIdentity[]): readonly AgeIdentity[] {
  const fetched = new Set(identities.filter(({ key }) => !isSource(key)).map(({ origin }) => origin))
  return identities.filter(({ key, origin }) => isSource(key) && key.effort === 'person' && !fetched.has(origin))
}

function told({ name, origin }: AgeIdentity): string {
  return `${shortRecipient(name)} from ${origin}`
}

function listed(title: string, separator: string, items: Iterable<string>): string {
  const all = [...items]
  return all.length === 0 ? '' : `${title}: ${all.join(separator)}`
}

function wants({ age, others }: KeyGroup): string {
  const names = age.map(({ recipient }) => shortRecipient(recipient))
  if (others.length > 0) names.push(`keys of other kinds (${others.join(', ')}), which are not supported`)
  return names.join(', ')
}

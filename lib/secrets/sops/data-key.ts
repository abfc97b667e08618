import { unwrap, type AgeIdentity } from '../age.ts'
import { fault } from '../fault.ts'
import { dataKey, type DataKey } from './cipher.ts'
import type { AgeEntry, KeyGroup, Metadata } from './metadata.ts'

/**
 * The key of a file's values. Throws `no-key` with what the file wants and what was tried, or `unsupported` when it
 * takes several groups of keys together.
 */
export async function recoverDataKey(metadata: Metadata, identities: readonly AgeIdentity[]): Promise<DataKey> {
  const [group] = metadata.groups
  if (group === undefined || metadata.groups.length > 1) throw split(metadata)
  for (const { enc } of likelyFirst(group.age, identities)) {
    const opened = await unwrap(enc, identities)
    const key = opened === null ? null : dataKey(opened)
    opened?.fill(0)
    if (key !== null) return key
  }
  throw locked(group, identities)
}

/** The entries that name one of the identities come first. The name is only a hint: nothing vouches for it. */
function likelyFirst(entries: readonly AgeEntry[], identities: readonly AgeIdentity[]): readonly AgeEntry[] {
  const names = new Set(identities.map(({ name }) => name))
  return [...entries].sort((one, two) => Number(names.has(two.recipient)) - Number(names.has(one.recipient)))
}

function split({ groups, threshold }: Metadata): Error {
  return fault(
    'unsupported',
    `is encrypted to ${groups.length} groups of keys, ${threshold} of which are needed, which is not supported yet`,
    {
      hint: 'Read it with `sops --decrypt`, or encrypt it again to one list of recipients.',
    },
  )
}

function locked(group: KeyGroup, identities: readonly AgeIdentity[]): Error {
  const wants = group.age.map(({ recipient }) => recipient)
  if (group.others.length > 0) wants.push(`keys of other kinds (${group.others.join(', ')}), which are not supported`)
  const tried = identities.map(({ name, origin }) => `${name} from ${origin}`)
  const which = tried.length === 0 ? 'there is no identity to open it' : `none of the ${tried.length} identities opens it`
  const list = tried.length === 0 ? '' : `; tried: ${tried.join(', ')}`
  return fault('no-key', `cannot be decrypted: ${which}. Recipients of the file: ${wants.join(', ')}${list}`, {
    hint:
      tried.length === 0
        ? 'Put your age identity into ~/.config/sops/age/keys.txt, or name it in SOPS_AGE_KEY_FILE.'
        : 'Use the identity of one of these recipients, or ask one of them to add yours and encrypt the file again.',
  })
}

import { unwrap, type AgeIdentity } from '../age.ts'
import { fault } from '../fault.ts'
import { DATA_KEY_LENGTH, dataKey, type DataKey } from './cipher.ts'
import type { AgeEntry, KeyGroup, Metadata } from './metadata.ts'
import { combineParts } from './shamir.ts'

/**
 * The key of a file's values: what one key of the only group opens, or what the parts of several groups hold together.
 * Throws `no-key` with what the file wants and what was tried.
 */
export async function recoverDataKey(metadata: Metadata, identities: readonly AgeIdentity[]): Promise<DataKey> {
  const { groups, threshold } = metadata
  const parts: Uint8Array[] = []
  for (const group of groups) {
    const part = await openGroup(group, identities, groups.length > 1)
    if (part !== null) parts.push(part)
  }
  try {
    const whole = groups.length === 1 ? (parts[0] ?? null) : parts.length >= threshold ? combineParts(parts) : null
    const key = whole === null ? null : dataKey(whole)
    if (key === null) throw locked(metadata, parts.length, identities)
    return key
  } finally {
    for (const part of parts) part.fill(0)
  }
}

/** The data key, or a group's part of it, which is longer by one byte. */
async function openGroup(group: KeyGroup, identities: readonly AgeIdentity[], isPart: boolean): Promise<Uint8Array | null> {
  for (const { enc } of likelyFirst(group.age, identities)) {
    const opened = await unwrap(enc, identities)
    if (opened?.length === DATA_KEY_LENGTH + Number(isPart)) return opened
  }
  return null
}

/** The entries that name one of the identities come first. The name is only a hint: nothing vouches for it. */
function likelyFirst(entries: readonly AgeEntry[], identities: readonly AgeIdentity[]): readonly AgeEntry[] {
  const names = new Set(identities.map(({ name }) => name))
  return [...entries].sort((one, two) => Number(names.has(two.recipient)) - Number(names.has(one.recipient)))
}

/** The whole story: whose keys the file wants, which were tried, what could not be, and where there was nothing. */
function locked({ groups, threshold }: Metadata, opened: number, identities: readonly AgeIdentity[]): Error {
  const keys = identities.filter(({ key }) => key !== null)
  const parts = [
    `cannot be decrypted: ${reason()}`,
    list('Recipients of the file', '; and: ', groups.map(wants)),
    list(
      'tried',
      ', ',
      keys.map(({ name, origin }) => `${name} from ${origin}`),
    ),
    list(
      'not usable',
      '; ',
      identities.flatMap(({ fault }) => fault ?? []),
    ),
    list(
      'nothing in',
      ', ',
      identities.filter(({ key, fault }) => key === null && fault === undefined).map(({ origin }) => origin),
    ),
  ]
  return fault('no-key', parts.filter((part) => part !== '').join('. '), {
    hint:
      keys.length === 0
        ? 'Put your age identity where sops looks, or name its file in SOPS_AGE_KEY_FILE; or ask a recipient to add yours and encrypt the file again.'
        : 'Use the identity of one of the recipients, or ask one of them to add yours and encrypt the file again.',
  })

  function reason(): string {
    if (keys.length === 0) return 'there is no age identity to open it'
    if (groups.length > 1) return `it takes keys of ${threshold} of its ${groups.length} groups, and only ${opened} could be opened`
    return keys.length === 1 ? 'the only identity does not open it' : `none of the ${keys.length} identities opens it`
  }
}

function list(title: string, separator: string, items: readonly string[]): string {
  return items.length === 0 ? '' : `${title}: ${items.join(separator)}`
}

function wants({ age, others }: KeyGroup): string {
  const names = age.map(({ recipient }) => recipient)
  if (others.length > 0) names.push(`keys of other kinds (${others.join(', ')}), which are not supported`)
  return names.join(', ')
}

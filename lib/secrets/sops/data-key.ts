import { EFFORTS, isSource, type AgeIdentity, type KeySource } from '../age.ts'
import { fromArmor } from '../age/armor.ts'
import { parseAgeFile, type Stanza } from '../age/header.ts'
import { isNamed } from '../at-hand.ts'
import { openAge, type PrivateKey } from '../age/open.ts'
import { DATA_KEY_LENGTH, dataKey, type DataKey } from './cipher.ts'
import type { AgeEntry, KeyGroup, Metadata } from './metadata.ts'
import { noKey } from './no-key.ts'
import { combineParts } from './shamir.ts'

type Effort = (typeof EFFORTS)[number]

/**
 * The key of a file's values: what one key of the only group opens, or what the parts of several groups hold together.
 * Keys at hand are tried first; a command is run or a person asked only when they do not do.
 * Throws `no-key` with what the file wants and what was tried.
 */
export async function recoverDataKey(metadata: Metadata, identities: readonly AgeIdentity[]): Promise<DataKey> {
  const { groups, threshold } = metadata
  const needed = groups.length === 1 ? 1 : threshold
  // Grows by what is fetched.
  const known = new Set(identities)
  const parts = new Map<KeyGroup, Buffer>()
  try {
    for (const effort of EFFORTS) {
      for (const group of groups) {
        if (parts.has(group) || (effort !== 'none' && parts.size >= needed)) continue
        const part = await openGroup(group, known, effort, DATA_KEY_LENGTH + Number(groups.length > 1))
        if (part !== null) parts.set(group, part)
      }
    }
    const [first, ...more] = parts.values()
    const whole = first === undefined || parts.size < needed ? null : groups.length === 1 ? first : combineParts([first, ...more])
    const key = whole === null ? null : dataKey(whole)
    if (key === null) throw noKey(metadata, parts.size, [...known])
    return key
  } finally {
    for (const part of parts.values()) part.fill(0)
  }
}

/** One entry of a group, taken apart. */
interface Sealed {
  readonly recipient: string
  readonly file: Buffer
  readonly stanzas: readonly Stanza[]
}

/** The data key, or a group's part of it, which is longer by one byte. */
async function openGroup(group: KeyGroup, known: Set<AgeIdentity>, effort: Effort, length: number): Promise<Buffer | null> {
  const entries = likelyFirst(group.age, known).flatMap(sealed)
  const fetched = new Set<PrivateKey>()
  for (const entry of entries) {
    for (const { key } of known) {
      if (key === null) continue
      if (!isSource(key)) {
        const opened = effort === 'none' ? await openOne([entry], key, length) : null
        if (opened !== null) return opened
      } else if (key.effort === effort) {
        // What was fetched for one entry is tried on all, before anything is fetched for the next.
        for (const found of await fetchKeys(key, entry, known)) {
          const opened = fetched.has(found) ? null : await openOne(entries, found, length)
          if (opened !== null) return opened
          fetched.add(found)
        }
      }
    }
  }
  return null
}

function sealed({ recipient, enc }: AgeEntry): Sealed[] {
  const file = fromArmor(enc)
  const stanzas = file === null ? undefined : parseAgeFile(file)?.stanzas
  return file === null || stanzas === undefined ? [] : [{ recipient, file, stanzas }]
}

/** What is fetched and has to be fetched in turn waits for its own effort. */
async function fetchKeys(source: KeySource, entry: Sealed, known: Set<AgeIdentity>): Promise<PrivateKey[]> {
  const fetched = await source.fetch(entry)
  for (const one of fetched) known.add(one)
  return fetched.flatMap(({ key }) => (key === null || isSource(key) ? [] : [key]))
}

async function openOne(entries: readonly Sealed[], key: PrivateKey, length: number): Promise<Buffer | null> {
  for (const { file } of entries) {
    const opening = await openAge(file, key)
    if (opening.kind === 'opened' && opening.plaintext.length === length) return opening.plaintext
  }
  return null
}

/** The entries that name one of the identities come first. The name is only a hint: nothing vouches for it. */
function likelyFirst(entries: readonly AgeEntry[], known: ReadonlySet<AgeIdentity>): readonly AgeEntry[] {
  const named = ({ recipient }: AgeEntry): boolean => [...known].some((identity) => isNamed(identity, [recipient]))
  return [...entries].sort((one, two) => Number(named(two)) - Number(named(one)))
}

import { entriesOf, isSaid, wrongPolicy, type Fields } from './policy-fields.ts'

/** Whom a creation rule encrypts to. */
export interface KeyRule {
  /** Recipients as they are written, each once, in groups. */
  readonly groups: readonly (readonly string[])[]
  /** How many groups are needed together; 1 for a single one. */
  readonly threshold: number
  /** Fields that name keys of other kinds than age: `pgp`, `kms`. Nothing can be encrypted by such a rule here. */
  readonly others: readonly string[]
}

const OTHERS = ['pgp', 'kms', 'gcp_kms', 'azure_keyvault', 'hc_vault_transit_uri', 'hc_vault', 'hckms']
/** What a rule may say of keys. */
export const KEY_FIELDS = ['age', 'key_groups', 'shamir_threshold', ...OTHERS] as const
const MAX_MERGES = 1000

/** What a rule says of keys. `key_groups` with anything in it takes the place of all other fields, as in SOPS. */
export function readKeyRule(fields: Fields, where: string): KeyRule {
  const given = fields.get('key_groups')
  if (!isSaid(given)) return { groups: [unique(recipientsOf(fields.get('age'), where))], threshold: 1, others: othersOf(fields) }
  if (!Array.isArray(given)) throw wrongPolicy(`${where} has key_groups that are not a list`)
  const left = { merges: MAX_MERGES }
  const groups = given.map((group) => readGroup(group, where, left))
  return {
    groups: groups.map(({ age }) => unique(age)),
    threshold: groups.length === 1 ? 1 : thresholdOf(fields.get('shamir_threshold'), groups.length, where),
    others: unique(groups.flatMap(({ others }) => others)),
  }
}

interface Group {
  readonly age: readonly string[]
  readonly others: readonly string[]
}

/** A group may be put together from others. An alias may stand for as many as it likes, so they are counted. */
function readGroup(given: unknown, where: string, left: { merges: number }): Group {
  const fields = entriesOf(given, `${where} has a key group that is not a mapping`)
  left.merges -= 1
  if (left.merges < 0) throw wrongPolicy(`${where} merges more key groups than any honest file has`)
  const merge = fields.get('merge') ?? []
  if (!Array.isArray(merge)) throw wrongPolicy(`${where} has a merge that is not a list of key groups`)
  const age = fields.get('age')
  if (typeof age === 'string') throw wrongPolicy(`${where} has a key group whose age is not a list`, { hint: 'Write age: [age1…].' })
  const merged = merge.map((one) => readGroup(one, where, left))
  return {
    age: [...merged.flatMap((one) => one.age), ...recipientsOf(age, where)],
    others: [...merged.flatMap((one) => one.others), ...othersOf(fields)],
  }
}

function othersOf(fields: Fields): string[] {
  return OTHERS.filter((key) => isSaid(fields.get(key)))
}

/** A text with commas, or a list of such texts. A part that is empty is nobody; a whole item that is, a mistake. */
function recipientsOf(age: unknown, where: string): string[] {
  const items: unknown[] = Array.isArray(age) ? age : age === undefined || age === null ? [] : [age]
  if (!items.every((item) => typeof item === 'string'))
    throw wrongPolicy(`${where} has an age that is neither a text nor a list of texts`, { hint: 'Write age: age1…' })
  if (Array.isArray(age) && items.some((item) => item.trim() === '')) throw wrongPolicy(`${where} has an empty item in its list age`)
  return items.flatMap((item) => item.split(',')).flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))
}

function thresholdOf(value: unknown, groups: number, where: string): number {
  if (value === undefined || value === null || value === 0) return groups
  if (typeof value === 'number' && Number.isInteger(value) && value >= 2 && value <= groups && groups <= 255) return value
  throw wrongPolicy(`${where} has a shamir_threshold that ${groups} key groups cannot have`, {
    hint: 'It is a number from 2 to the number of groups, of which there are at most 255.',
  })
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)]
}

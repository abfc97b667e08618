import { branch, isBranch, isList, item, list, type Branch, type List, type Value } from './document.ts'
import { fieldItem, OTHER_KEYS, readMetadata, SELECTORS, type AgeEntry, type KeyGroup, type Metadata } from './metadata.ts'

/** What a block is to get by name: a value in place of the old one, or undefined to go. What is not named stays. */
type Changes = Map<string, Value | undefined>

/**
 * The block of a file. A new one is ordered as SOPS 3.13 orders it. One that was read before keeps its order, its
 * comments, its keys of other kinds and what nobody here understands: only what differs from it is written anew.
 */
export function writeMetadata(metadata: Metadata): Branch {
  const { from, lastModified, mac, version, macOnlyEncrypted } = metadata
  const old = from === null ? null : readMetadata(from)
  const changes: Changes = new Map()
  if (old === null || !sameKeys(old, metadata)) changeKeys(changes, metadata)
  if (old?.lastModified !== lastModified) changes.set('lastmodified', lastModified)
  if (old?.mac !== mac) changes.set('mac', mac)
  if (old?.version !== version) changes.set('version', version)
  if ((old?.macOnlyEncrypted ?? false) !== macOnlyEncrypted) changes.set('mac_only_encrypted', macOnlyEncrypted || undefined)
  changeRule(changes, metadata, old)
  return changed(from ?? branch(), changes)
}

function changeRule(changes: Changes, { rule }: Metadata, old: Metadata | null): void {
  if (old !== null && JSON.stringify(old.rule) === JSON.stringify(rule)) return
  for (const kind of SELECTORS) changes.set(kind, undefined)
  if (rule.kind !== 'all') changes.set(rule.kind, 'suffix' in rule ? rule.suffix : rule.pattern)
}

function sameKeys(one: Metadata, two: Metadata): boolean {
  if (one.groups.length !== two.groups.length || one.threshold !== two.threshold) return false
  return one.groups.every((group, index) => {
    const other = two.groups[index]
    return other?.from === group.from && JSON.stringify(other.age) === JSON.stringify(group.age)
  })
}

/** One group stands at the top of the block, several under `key_groups`. */
function changeKeys(changes: Changes, { groups, threshold, from }: Metadata): void {
  const [only] = groups
  const single = groups.length === 1 ? only : undefined
  changes.set('age', single && ageList(single))
  for (const kind of OTHER_KEYS) changes.set(kind, single?.from ? fieldItem(single.from, kind)?.value : undefined)
  changes.set('key_groups', single === undefined ? list(...groups.map((group) => groupBranch(group, from))) : undefined)
  changes.set('shamir_threshold', single === undefined ? BigInt(threshold) : undefined)
}

/** A group that stood alone shares its mapping with the rest of the block. SOPS writes the empty list itself. */
function groupBranch(group: KeyGroup, block: Branch | null): Branch {
  if (group.from === null) return branch(item('age', ageList(group)), item('hc_vault', list()))
  const own = group.from === block ? group.from.items.filter((entry) => entry.kind === 'item' && isOfGroup(entry.key)) : group.from.items
  const hadNone = group.age.length === 0 && fieldItem(group.from, 'age') === undefined
  return changed(branch(...own), new Map(hadNone ? [] : [['age', ageList(group)]]))
}

function isOfGroup(key: string): boolean {
  return ['age', ...OTHER_KEYS].includes(key.toLowerCase())
}

function ageList({ age, from }: KeyGroup): List {
  const before = from === null ? undefined : fieldItem(from, 'age')?.value
  const old = before !== undefined && isList(before) ? before.items.filter(isBranch) : []
  return list(...age.map((entry) => old.find((one) => says(one, entry)) ?? ageBranch(entry, old[0])))
}

function says(old: Branch, { recipient, enc }: AgeEntry): boolean {
  return fieldItem(old, 'recipient')?.value === recipient && fieldItem(old, 'enc')?.value === enc
}

/** Older versions of SOPS write the recipient first; an entry follows its neighbours. */
function ageBranch({ recipient, enc }: AgeEntry, neighbour: Branch | undefined): Branch {
  const [first] = neighbour?.items ?? []
  const recipientFirst = first?.kind === 'item' && first.key.toLowerCase() === 'recipient'
  const items = [item('enc', enc), item('recipient', recipient)]
  return branch(...(recipientFirst ? items.toReversed() : items))
}

function changed(block: Branch, changes: Changes): Branch {
  const left = new Map([...changes].filter(([, value]) => value !== undefined))
  const items: Branch['items'] = []
  for (const entry of block.items) {
    const name = entry.kind === 'item' ? entry.key.toLowerCase() : ''
    if (!changes.has(name) || entry.kind !== 'item') items.push(entry)
    else if (left.has(name)) {
      items.push({ ...entry, value: left.get(name) ?? null })
      left.delete(name)
    }
  }
  const result = branch(...items)
  for (const [name, value] of left) insert(result, name, value ?? null)
  return result
}

/** By the order of names where the block has it, else at the end. */
function insert({ items }: Branch, name: string, value: Value): void {
  const names = items.flatMap((entry) => (entry.kind === 'item' ? [entry.key] : []))
  const sorted = names.every((key, index) => index === 0 || (names[index - 1] ?? '') <= key)
  const at = sorted ? items.findIndex((entry) => entry.kind === 'item' && entry.key > name) : -1
  items.splice(at < 0 ? items.length : at, 0, item(name, value))
}

import { GitopsError } from '../model/errors.ts'
import type { AbsPath, RelPath } from '../model/path.ts'
import type { Applied, Generation, Inventory, OwnedSecret, OwnedTarget, TargetBefore } from '../model/state.ts'
import type { Node, Owned } from '../model/tree.ts'
import { digestOf } from './hash.ts'
import { FORMAT, migrated, type Json, type StateKind } from './migrate.ts'

/** How every state file begins since format 2, and every later one will: the format, and a checksum of the format and of what follows. */
const HEAD = /^\{"format":(\d{1,9}),"sum":"(sha256:[0-9a-f]{64})"(?=[,}])/

/** An inventory as JSON text. */
export function encodeInventory(inventory: Inventory): string {
  const targets = object(inventory.targets, (target) => ({ ...target, entries: object(target.entries) }))
  return encode({
    generation: inventory.generation,
    applied: object(inventory.applied),
    targets,
    secrets: object(inventory.secrets),
    hostKey: inventory.hostKey,
    originals: object(inventory.originals),
    vacated: object(inventory.vacated),
    roots: inventory.roots,
  })
}

/** The inventory in a JSON text of any format up to ours. Throws `stuck` for a newer format; anything malformed throws plainly. */
export function decodeInventory(text: string): Inventory {
  const json = parse('inventory', text)
  return {
    generation: json['generation'] as number,
    applied: map<string, Applied>(json['applied']),
    targets: map<AbsPath, OwnedTarget>(
      json['targets'],
      (target) => ({ ...target, entries: map<RelPath, Owned>(target['entries']) }) as unknown as OwnedTarget,
    ),
    secrets: map<AbsPath, OwnedSecret>(json['secrets']),
    hostKey: json['hostKey'] as string | null,
    originals: map<AbsPath, Node>(json['originals']),
    // The first builds of format 2 did not know of them.
    vacated: map<AbsPath, number>(json['vacated'] ?? {}),
    roots: json['roots'] as AbsPath[],
  }
}

/** A generation as JSON text. */
export function encodeGeneration(generation: Generation): string {
  const { before, ...rest } = generation
  const targets = object(before.targets, (target) => ({ ...target, entries: object(target.entries) }))
  const [secrets, originals] = [object(before.secrets), object(before.originals)]
  const [vacated, roots] = [object(before.vacated), object(before.roots)]
  return encode({ ...rest, before: { ...before, targets, secrets, originals, vacated, roots } })
}

/** The generation in a JSON text. Throws like `decodeInventory`. */
export function decodeGeneration(text: string): Generation {
  const json = parse('generation', text)
  const before = json['before'] as Json
  const targets = map<AbsPath, TargetBefore>(
    before['targets'],
    (target) => ({ ...target, entries: map<RelPath, Owned | null>(target['entries']) }) as unknown as TargetBefore,
  )
  const originals = map<AbsPath, Node | null>(before['originals'])
  const secrets = map<AbsPath, OwnedSecret | null>(before['secrets'])
  const vacated = map<AbsPath, number | null>(before['vacated'] ?? {})
  const roots = map<AbsPath, boolean>(before['roots'])
  return { ...json, before: { ...before, targets, secrets, originals, vacated, roots } } as unknown as Generation
}

/** Any other JSON of ours, of any format up to ours. Throws like `decodeInventory`. */
export function decode<T>(kind: StateKind, text: string): T {
  return parse(kind, text) as T
}

/** Any other value of ours as JSON text. */
export function encode(value: object): string {
  const rest = JSON.stringify(value).slice(1)
  const tail = rest === '}' ? rest : `,${rest}`
  return `{"format":${FORMAT},"sum":"${sumOf(FORMAT, tail)}"${tail}`
}

function parse(kind: StateKind, text: string): Json {
  const [head, digits, sum] = HEAD.exec(text) ?? []
  if (head !== undefined && sumOf(Number(digits), text.slice(head.length)) !== sum) throw new Error('its checksum does not fit')
  const { format, sum: stored, ...json } = jsonIn(text)
  if (typeof format !== 'number') throw new Error('it is no state file of ours')
  if (format > FORMAT) throw newer(format)
  // Only the first format had no checksum.
  if (head === undefined && (format !== 1 || stored !== undefined)) throw new Error('its checksum is missing')
  return migrated(kind, format, json)
}

function jsonIn(text: string): Json {
  if (text === '') throw new Error('it is empty')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error('it is cut off, or no JSON')
  }
  if (typeof json !== 'object' || json === null) throw new Error('it is no state file of ours')
  return json as Json
}

function sumOf(format: number, rest: string): string {
  return digestOf(`${format}${rest}`)
}

function newer(format: number): GitopsError {
  return new GitopsError('stuck', `the state was written by a newer gitops (format ${format}, this one knows ${FORMAT})`, {
    hint: 'Run that newer version.',
  })
}

function object<K extends string, V>(map: ReadonlyMap<K, V>, each: (value: V) => unknown = (value) => value): Json {
  return Object.fromEntries([...map].map(([key, value]) => [key, each(value)]))
}

function map<K extends string, V>(value: unknown, each: (value: Json) => V = (item) => item as V): Map<K, V> {
  return new Map(Object.entries(value as Json).map(([key, item]) => [key as K, each(item as Json)]))
}

import { GitopsError } from '../model/errors.ts'
import type { AbsPath, RelPath } from '../model/path.ts'
import type { Applied, Generation, Inventory, OwnedSecret, OwnedTarget, TargetBefore } from '../model/state.ts'
import type { Node, Owned } from '../model/tree.ts'

/** The version of everything below a state directory; a newer one is refused with a sentence. */
const FORMAT = 1

type Json = Record<string, unknown>

/** An inventory as JSON text. */
export function encodeInventory(inventory: Inventory): string {
  const targets = object(inventory.targets, (target) => ({ ...target, entries: object(target.entries) }))
  return JSON.stringify({
    format: FORMAT,
    generation: inventory.generation,
    applied: object(inventory.applied),
    targets,
    secrets: object(inventory.secrets),
    hostKey: inventory.hostKey,
    originals: object(inventory.originals),
  })
}

/** The inventory in a JSON text. Throws `stuck` for a newer format; anything malformed throws plainly. */
export function decodeInventory(text: string): Inventory {
  const json = parse(text)
  return {
    generation: json['generation'] as number,
    applied: map<string, Applied>(json['applied']),
    targets: map<AbsPath, OwnedTarget>(
      json['targets'],
      (target) => ({ ...target, entries: map<RelPath, Owned>(target['entries']) }) as unknown as OwnedTarget,
    ),
    secrets: map<AbsPath, OwnedSecret>(json['secrets'] ?? {}, ownedSecret),
    hostKey: (json['hostKey'] as string | null | undefined) ?? null,
    originals: map<AbsPath, Node>(json['originals']),
  }
}

/** A generation as JSON text. */
export function encodeGeneration(generation: Generation): string {
  const { before, ...rest } = generation
  const targets = object(before.targets, (target) => ({ ...target, entries: object(target.entries) }))
  return JSON.stringify({
    format: FORMAT,
    ...rest,
    before: { ...before, targets, secrets: object(before.secrets), originals: object(before.originals) },
  })
}

/** The generation in a JSON text. Throws like `decodeInventory`. */
export function decodeGeneration(text: string): Generation {
  const { format: _, ...json } = parse(text)
  const before = json['before'] as Json
  const targets = map<AbsPath, TargetBefore>(
    before['targets'],
    (target) => ({ ...target, entries: map<RelPath, Owned | null>(target['entries']) }) as unknown as TargetBefore,
  )
  const originals = map<AbsPath, Node | null>(before['originals'])
  const secrets = map<AbsPath, OwnedSecret | null>(before['secrets'] ?? {}, (secret: Json | null) =>
    secret === null ? null : ownedSecret(secret),
  )
  return { ...json, before: { ...before, targets, secrets, originals } } as unknown as Generation
}

/** Older versions did not remember what our keys replaced. */
function ownedSecret(json: Json): OwnedSecret {
  return { ...json, prior: json['prior'] ?? null } as unknown as OwnedSecret
}

/** Any other JSON of ours, with its format checked. */
export function decode<T>(text: string): T {
  return parse(text) as T
}

/** Any other value of ours as JSON text. */
export function encode(value: object): string {
  return JSON.stringify({ format: FORMAT, ...value })
}

function parse(text: string): Json {
  const json = JSON.parse(text) as Json
  if (typeof json !== 'object' || json === null || typeof json['format'] !== 'number') throw new Error('is not a state file of ours')
  if (json['format'] > FORMAT) {
    throw new GitopsError('stuck', `the state was written by a newer gitops (format ${json['format']}, this one knows ${FORMAT})`, {
      hint: 'Run that newer version.',
    })
  }
  return json
}

function object<K extends string, V>(map: ReadonlyMap<K, V>, each: (value: V) => unknown = (value) => value): Json {
  return Object.fromEntries([...map].map(([key, value]) => [key, each(value)]))
}

function map<K extends string, V>(value: unknown, each: (value: Json) => V = (item) => item as V): Map<K, V> {
  return new Map(Object.entries(value as Json).map(([key, item]) => [key as K, each(item as Json)]))
}

import { PLAIN_JSON } from '../model/lists.ts'

/** JSON of ours, not looked at yet. */
export type Json = Record<string, unknown>

/** What a state file holds. Each kind has its own steps from one format to the next. */
export type StateKind = 'inventory' | 'generation' | 'status' | 'journal' | 'identity' | 'recipe' | 'clock' | 'behind'

/**
 * What takes a file of a format to the next one. A kind without a step says the same in both. A file is taken along when it is read,
 * and lies on the disk in its old format until it is written for another reason.
 */
const CHAIN: Readonly<Record<number, Readonly<Partial<Record<StateKind, (json: Json) => Json>>>>> = {
  // Format 2 has a checksum. What the first builds of format 1 did not know of is given its value here.
  1: { inventory: inventoryFrom1, generation: generationFrom1, status: statusFrom1 },
}

/** The version of everything below a state directory; a newer one is refused with a sentence. */
export const FORMAT = 1 + Object.keys(CHAIN).length

/** A file of any format up to ours as ours would have been. */
export function migrated(kind: StateKind, format: number, json: Json): Json {
  let result = json
  for (let from = format; from < FORMAT; from++) result = CHAIN[from]?.[kind]?.(result) ?? result
  return result
}

/** Before there were secrets, before what our keys replaced was remembered, and before other documents than JSON were merged. */
function inventoryFrom1(json: Json): Json {
  return { ...json, secrets: secretsFrom1(json['secrets']), hostKey: json['hostKey'] ?? null, roots: json['roots'] ?? [] }
}

/** Who, how much and what was kept is not known of these; what is not applied any more was taken back by hand. */
function generationFrom1({ takenBack = null, ...json }: Json): Json {
  const before = json['before'] as Json
  const steps = (json['steps'] as Json[]).map(stepFrom1)
  const made = (step: Json): boolean => (step['kind'] === 'put' ? step['before'] === null : step['created'] === true)
  const written = steps.filter(({ kind }) => kind === 'put' || kind === 'edit')
  const wrote = {
    targets: Object.values(before['targets'] as Record<string, Json>).map(({ name }) => name),
    created: written.filter(made).length,
    updated: written.filter((step) => !made(step)).length,
    deleted: steps.filter(({ kind }) => kind === 'remove').length,
  }
  const outcome = takenBack === null ? 'applied' : 'taken-back'
  return {
    ...json,
    steps,
    author: null,
    signer: null,
    wrote,
    kept: [],
    outcome,
    ended: takenBack,
    reason: null,
    before: { ...before, secrets: secretsFrom1(before['secrets']), roots: {} },
  }
}

function stepFrom1(step: Json): Json {
  return step['kind'] === 'edit' ? { lock: null, modeBefore: null, ...step } : step
}

/** One revision was held at most, and it was not told apart why. */
function statusFrom1(json: Json): Json {
  // One without sources is damaged: that it throws is meant.
  const sources = Object.entries(json['sources'] as Record<string, Json>)
  return {
    ...json,
    sources: Object.fromEntries(sources.map(([name, source]) => [name, sourceFrom1(source)])),
    configBroken: json['configBroken'] ?? null,
    lastRun: json['lastRun'] ?? null,
  }
}

function sourceFrom1({ held = null, ...source }: Json): Json {
  if (held === null) return source
  const { since, ...rest } = held as Json
  const byHand = rest['reason'] === 'rolled back by hand'
  const refusal = { ...rest, attempts: 1, first: since, last: since, next: null, class: byHand ? 'by-hand' : 'health', held: true }
  return { ...source, refused: [refusal] }
}

function secretsFrom1(secrets: unknown): Json {
  const known = Object.entries((secrets ?? {}) as Record<string, Json | null>)
  return Object.fromEntries(
    known.map(([path, secret]) => [
      path,
      secret === null ? null : { prior: null, declined: null, as: PLAIN_JSON, made: false, mode: null, ...secret },
    ]),
  )
}

import { rootOf, scan } from '../lib/host/live.ts'
import type { SecretFile } from '../lib/model/config.ts'
import type { CoOwnership } from '../lib/model/lists.ts'
import { absPath, under, type AbsPath, type Digest, type RelPath, type Sha } from '../lib/model/path.ts'
import { staying, type Change } from '../lib/model/plan.ts'
import type { OwnedSecret } from '../lib/model/state.ts'
import type { Owned, Parts, Wanted } from '../lib/model/tree.ts'
import { answered } from './answered.ts'
import { isResting } from './contested.ts'
import { coOwned, type Document, type Known } from './co-owned.ts'
import { composed, type Objects, type Version } from './parts.ts'
import { onDriftOf } from './policy.ts'
import { replaced, type Decided } from './replaced-secret.ts'
import type { Run, Unit, UnitSecret } from './run.ts'

/** Where one secret goes, with links resolved: the directory, the name in it, and both together, which is its key in the inventory. */
export interface Place {
  readonly root: AbsPath
  readonly name: RelPath
  readonly key: AbsPath
}

/** Where a secret goes. Throws `conflict` when its directory is not one. */
export function placeOf({ to }: Pick<SecretFile, 'to'>): Place {
  const cut = to.lastIndexOf('/')
  const root = rootOf(absPath(to.slice(0, cut) || '/'))
  const name = to.slice(cut + 1) as RelPath
  return { root, name, key: under(root, name) }
}

/** One secret planned: at once when what it is made of is known here, otherwise when it is decrypted. */
export async function plannedSecret(run: Run, unit: Unit, secret: SecretFile, objects: Objects): Promise<UnitSecret> {
  const place = placeOf(secret)
  const known = ownedSecret(run, place)
  const { oid } = objects
  if (known !== null && known.owned.oid === oid && run.host.kept.has(known.owned.digest))
    return decidedSecret(run, secret, objects, { oid, digest: known.owned.digest, ...partsOf(known) })
  if (known?.declined?.oid === oid && run.host.kept.opens(known.declined.digest)) return decidedSecret(run, secret, objects, known.declined)
  const plaintext = plaintextAtHand(run, known, objects)
  if (plaintext !== undefined) return decidedSecret(run, secret, objects, await composed(run, unit, secret, objects, plaintext, place.key))
  const changes: Change[] = [{ kind: 'decrypt', path: place.name }]
  const plan = { target: secret.name, root: place.root, changes, wanted: new Map() }
  return { name: secret.name, secret, key: place.key, root: place.root, objects, plan, scan: scan(place.root, [], new Map()), after: known }
}

/** The plaintext of a ciphertext that has not changed, though what stands beside it has; undefined when it must be decrypted. */
function plaintextAtHand(run: Run, known: OwnedSecret | null, { cipher }: Objects): Buffer | null | undefined {
  if (cipher === null) return null
  const whole = known?.parts === undefined && known?.owned.oid != null ? { oid: known.owned.oid, digest: known.owned.digest } : null
  const part = known?.parts?.cipher ?? whole
  return part?.oid === cipher && run.host.kept.opens(part.digest) ? run.host.kept.read(part.digest) : undefined
}

function partsOf({ parts }: OwnedSecret): Pick<OwnedSecret, 'parts'> {
  return parts === undefined ? {} : { parts }
}

/** One secret planned from its plaintext, which is kept, sealed, under its fingerprint. */
export async function decidedSecret(run: Run, secret: SecretFile, objects: Objects | null, version: Version): Promise<UnitSecret> {
  const place = placeOf(secret)
  const { oid, digest } = version
  const known = ownedSecret(run, place) ?? ownedAgain(run, place, oid, digest)
  const { plan, scan, prior, last, made, mode } = await (secret.strategy === 'merge'
    ? merged(run, secret, place, known, version)
    : replaced(run, secret, place, known, digest))
  const live = scan.present.get(place.name)
  const stat = live?.kind === 'file' ? live.stat : null
  const owned: Owned = { kind: 'file', digest, executable: false, mode: secret.strategy === 'merge' ? null : 0o600, oid, stat }
  const after: OwnedSecret = {
    source: secret.source,
    name: secret.name,
    strategy: secret.strategy,
    onRemove: secret.onRemove,
    owned,
    original: known?.original ?? null,
    as: secret.as,
    made,
    mode,
    prior,
    ...(last !== undefined && { last }),
    declined: null,
    ...(version.parts !== undefined && { parts: version.parts }),
  }
  const stays = known !== null && staying(plan).size > 0
  const refused = plan.changes.some((change) => change.kind === 'conflict')
  const next = stays ? (refused ? known : declining(known, after)) : after
  return { name: secret.name, secret, key: place.key, root: place.root, objects, plan, scan, after: next }
}

/** What we wrote last is what the next run measures drift by; what the source asks for is remembered, so that it is decrypted once. */
function declining(known: OwnedSecret, { owned, parts, ...after }: OwnedSecret): OwnedSecret {
  const { oid, digest } = owned
  const made = parts === undefined ? {} : { parts }
  if (oid === null || digest === known.owned.digest) return { ...after, ...made, owned: { ...known.owned, oid }, declined: null }
  return { ...after, ...partsOf(known), owned: known.owned, declined: { oid, digest, ...made } }
}

/** The secrets of a unit whose revision is held: what was applied last is wanted, whatever the config says by now. */
export async function standBySecrets(run: Run, unit: Unit): Promise<UnitSecret[]> {
  const secrets = run.config.secrets.filter((secret) => secret.source === unit.name)
  const all = secrets.map(async (secret) => {
    const known = ownedSecret(run, placeOf(secret))
    return known === null || known.owned.oid === null
      ? []
      : [
          await decidedSecret(run, { ...secret, strategy: known.strategy, as: known.as }, null, {
            oid: known.owned.oid,
            digest: known.owned.digest,
            ...partsOf(known),
          }),
        ]
  })
  return (await Promise.all(all)).flat()
}

/** What we own at a secret's place; nothing when it was fingerprinted with a key that is gone, which one entry may be and another not. */
function ownedSecret(run: Run, { key }: Place): OwnedSecret | null {
  const known = run.inventory.secrets.get(key)
  if (known === undefined) return null
  const { kept } = run.host
  const { digest } = known.owned
  return (kept.has(digest) ? kept.opens(digest) : run.inventory.hostKey === kept.keyName()) ? known : null
}

/** The ciphertext that was applied last has the plaintext that was: what was known under a host key that is gone is known again. */
function ownedAgain(run: Run, { key }: Place, oid: Sha, digest: Digest): OwnedSecret | null {
  const known = run.inventory.secrets.get(key)
  // No look at the file counts: it was for another fingerprint.
  return known === undefined || known.owned.oid !== oid ? null : { ...known, owned: { ...known.owned, digest, stat: null } }
}

/** Whether we own a secret there whose fingerprint was made with a host key that is gone. */
export function isForgotten(run: Run, secret: Pick<UnitSecret, 'key'>): boolean {
  const known = run.inventory.secrets.get(secret.key)
  return known !== undefined && run.inventory.hostKey !== run.host.kept.keyName() && !run.host.kept.opens(known.owned.digest)
}

/** Only the keys that the source sets are ours. */
async function merged(run: Run, secret: SecretFile, place: Place, known: OwnedSecret | null, { digest, parts }: Version): Promise<Decided> {
  const document = { ...secretDocument(place, secret.as, digest, parts), onDrift: onDriftOf(run, secret) }
  const decided = await coOwned(run, document, known && keysOf(known))
  const after: Wanted = { kind: 'file', digest, executable: false, mode: null, content: { kind: 'kept', digest } }
  const { change, keys } = answered(decided, document, known && keysOf(known), after, () => isResting(run, place.key))
  const found = scan(place.root, [place.name], new Map(), () => digest)
  // Nothing of it is written, but others must not read it.
  const changes = [change, change?.kind === 'edit' ? null : decided.closing].filter((each) => each != null)
  return {
    plan: { target: place.name, root: place.root, changes, wanted: new Map() },
    scan: found,
    ...keys,
  }
}

/**
 * A secret's document, as it is merged. Where no part of it is a secret, its copies are sealed all the same, for another part may become one,
 * and what we make is for its owner alone, for the application may add one.
 */
export function secretDocument({ key, name }: Place, as: CoOwnership, digest: Digest | null, parts: Parts | undefined): Document {
  const closed = parts === undefined || parts.cipher !== null
  const [ours, from] = closed ? ['the secret', 'its plaintext'] : ['the source', 'its file']
  return { key, name, ours, from, as, secret: true, closed, mode: 0o600, modeMatters: false, digest, onDrift: 'heal' }
}

/** What is known of our keys in a secret's document. */
export function keysOf({ owned: { digest, stat }, as, prior, last, made, mode }: OwnedSecret): Known {
  return { digest, stat, as, prior, ...(last !== undefined && { last }), made, mode }
}

import { rootOf, scan } from '../lib/host/live.ts'
import { filesAt } from '../lib/host/objects.ts'
import type { SecretFile } from '../lib/model/config.ts'
import { GitopsError } from '../lib/model/errors.ts'
import type { CoOwnership } from '../lib/model/lists.ts'
import { absPath, short, under, type AbsPath, type Digest, type RelPath, type Sha } from '../lib/model/path.ts'
import { staying, type Change } from '../lib/model/plan.ts'
import type { OwnedSecret } from '../lib/model/state.ts'
import type { Owned, Wanted } from '../lib/model/tree.ts'
import { answered } from './answered.ts'
import { isResting } from './contested.ts'
import { coOwned, type Document, type Known } from './co-owned.ts'
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

/** The ciphertexts of a unit's secrets at a commit: their object ids. Throws `no-such-path` when one is missing. */
export async function ciphertexts(run: Run, unit: Unit, commit: Sha): Promise<Map<SecretFile, Sha>> {
  const secrets = run.config.secrets.filter((secret) => secret.source === unit.name)
  if (secrets.length === 0 || unit.pulled === null) return new Map()
  const files = await filesAt(
    unit.pulled.repository,
    commit,
    secrets.map((secret) => secret.from),
    run.signal,
  )
  return new Map(
    secrets.map((secret) => {
      const file = files.get(secret.from)
      if (file === undefined) {
        throw new GitopsError(
          'no-such-path',
          `secret ${secret.name}: there is no file ${JSON.stringify(secret.from)} in ${unit.name} at ${short(commit)}`,
          {
            hint: `Mend secrets.${secret.name}.from in the config, or commit that file.`,
          },
        )
      }
      if (file.type !== 'file' && file.type !== 'executable')
        throw new GitopsError('hostile', `secret ${secret.name}: ${JSON.stringify(secret.from)} is not a regular file`)
      return [secret, file.oid]
    }),
  )
}

/** One secret planned: at once when its ciphertext is known here, otherwise when it is decrypted. */
export async function plannedSecret(run: Run, secret: SecretFile, oid: Sha): Promise<UnitSecret> {
  const place = placeOf(secret)
  const known = ownedSecret(run, place)
  if (known !== null && known.owned.oid === oid && run.host.kept.has(known.owned.digest))
    return decidedSecret(run, secret, oid, known.owned.digest)
  if (known?.declined?.oid === oid && run.host.kept.opens(known.declined.digest))
    return decidedSecret(run, secret, oid, known.declined.digest)
  const changes: Change[] = [{ kind: 'decrypt', path: place.name }]
  const plan = { target: secret.name, root: place.root, changes, wanted: new Map() }
  return { name: secret.name, secret, key: place.key, root: place.root, oid, plan, scan: scan(place.root, [], new Map()), after: known }
}

/** One secret planned from its plaintext, which is kept, sealed, under its fingerprint. */
export async function decidedSecret(run: Run, secret: SecretFile, oid: Sha, digest: Digest): Promise<UnitSecret> {
  const place = placeOf(secret)
  const known = ownedSecret(run, place) ?? ownedAgain(run, place, oid, digest)
  const { plan, scan, prior, last, made, mode } = await (secret.strategy === 'merge'
    ? merged(run, secret, place, known, digest)
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
  }
  const stays = known !== null && staying(plan).size > 0
  const refused = plan.changes.some((change) => change.kind === 'conflict')
  const next = stays ? (refused ? known : declining(known, after)) : after
  return { name: secret.name, secret, key: place.key, root: place.root, oid, plan, scan, after: next }
}

/** What we wrote last is what the next run measures drift by; what the source asks for is remembered, so that it is decrypted once. */
function declining(known: OwnedSecret, { owned: { oid, digest }, ...after }: OwnedSecret): OwnedSecret {
  if (oid === null || digest === known.owned.digest) return { ...after, owned: { ...known.owned, oid }, declined: null }
  return { ...after, owned: known.owned, declined: { oid, digest } }
}

/** The secrets of a unit whose revision is held: what was applied last is wanted, whatever the config says by now. */
export async function standBySecrets(run: Run, unit: Unit): Promise<UnitSecret[]> {
  const secrets = run.config.secrets.filter((secret) => secret.source === unit.name)
  const all = secrets.map(async (secret) => {
    const known = ownedSecret(run, placeOf(secret))
    return known === null || known.owned.oid === null
      ? []
      : [await decidedSecret(run, { ...secret, strategy: known.strategy, as: known.as }, known.owned.oid, known.owned.digest)]
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
async function merged(run: Run, secret: SecretFile, place: Place, known: OwnedSecret | null, digest: Digest): Promise<Decided> {
  const document = { ...secretDocument(place, secret.as, digest), onDrift: onDriftOf(run, secret) }
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

/** A secret's document, as it is merged. */
export function secretDocument({ key, name }: Place, as: CoOwnership, digest: Digest | null): Document {
  return {
    key,
    name,
    ours: 'the secret',
    from: 'its plaintext',
    as,
    secret: true,
    mode: 0o600,
    modeMatters: false,
    digest,
    onDrift: 'heal',
  }
}

/** What is known of our keys in a secret's document. */
export function keysOf({ owned: { digest, stat }, as, prior, last, made, mode }: OwnedSecret): Known {
  return { digest, stat, as, prior, ...(last !== undefined && { last }), made, mode }
}

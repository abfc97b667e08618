import { isDocument, lostKeys } from '../lib/documents/lost.ts'
import { parseJson } from '../lib/documents/json.ts'
import { readLive, rootOf, scan, statOf, fingerprint, sameStat } from '../lib/host/live.ts'
import { filesAt } from '../lib/host/objects.ts'
import type { SecretFile } from '../lib/model/config.ts'
import { merge } from '../lib/model/edits.ts'
import { GitopsError } from '../lib/model/errors.ts'
import { absPath, short, under, type AbsPath, type Digest, type RelPath, type Sha } from '../lib/model/path.ts'
import { plan, type Change, type Plan } from '../lib/model/plan.ts'
import type { Owned, Present, Tree, Wanted } from '../lib/model/tree.ts'
import { firstContactRefusal } from './first-contact.ts'
import type { Run, Unit, UnitTarget } from './run.ts'

/** Where one secret goes, with links resolved: the directory, the name in it, and both together, which is its key in the inventory. */
export interface Place {
  readonly root: AbsPath
  readonly name: RelPath
  readonly key: AbsPath
}

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
  const files = await filesAt(unit.pulled.repository, commit, secrets.map((secret) => secret.from), run.signal)
  return new Map(
    secrets.map((secret) => {
      const file = files.get(secret.from)
      if (file === undefined) {
        throw new GitopsError('no-such-path', `secret ${secret.name}: there is no file ${JSON.stringify(secret.from)} in ${unit.name} at ${short(commit)}`, {
          hint: `Mend secrets.${secret.name}.from in the config, or commit that file.`,
        })
      }
      if (file.type !== 'file' && file.type !== 'executable') throw new GitopsError('hostile', `secret ${secret.name}: ${JSON.stringify(secret.from)} is not a regular file`)
      return [secret, file.oid]
    }),
  )
}

/** One secret planned: at once when its ciphertext is known here, otherwise when it is decrypted. */
export async function plannedSecret(run: Run, secret: SecretFile, oid: Sha): Promise<UnitTarget> {
  const place = placeOf(secret)
  const known = ownedSecret(run, place)
  if (known !== null && known.oid === oid && run.host.kept.has(known.digest)) return decidedSecret(run, secret, oid, known.digest)
  const changes: Change[] = [{ kind: 'decrypt', path: place.name }]
  return shaped(run, secret, place, oid, { target: secret.name, root: place.root, changes, wanted: new Map() }, new Map())
}

/** One secret planned from its plaintext, which is kept, sealed, under its fingerprint. */
export async function decidedSecret(run: Run, secret: SecretFile, oid: Sha, digest: Digest): Promise<UnitTarget> {
  const place = placeOf(secret)
  const want: Wanted = { kind: 'file', digest, executable: false, mode: secret.strategy === 'merge' ? null : 0o600, content: { kind: 'kept', digest } }
  const wanted = new Map([[place.name, want]])
  return secret.strategy === 'merge' ? merged(run, secret, place, oid, wanted, digest) : replaced(run, secret, place, oid, wanted)
}

/** What we own at a secret's place; nothing when it was fingerprinted with a key that is gone. */
export function ownedSecret(run: Run, { key, name }: Place): Owned | null {
  const known = run.inventory.targets.get(key)
  return known !== undefined && known.kind === 'secret' && run.inventory.hostKey === run.host.kept.keyName() ? (known.entries.get(name) ?? null) : null
}

async function replaced(run: Run, secret: SecretFile, place: Place, oid: Sha, wanted: Tree<Wanted>): Promise<UnitTarget> {
  const known = ownedSecret(run, place)
  const owned: Tree<Owned> = known === null ? new Map() : new Map([[place.name, known]])
  const found = scan(place.root, [place.name], owned, run.host.kept)
  const made = plan({ target: secret.name, root: place.root, wanted, owned, present: found.present, refuseFirstContact: () => firstContactRefusal(secret) })
  const lost = await gained(run, place, made, wanted)
  const changes = lost === null ? made.changes : [{ kind: 'conflict', path: place.name, reason: lost } as const]
  return shaped(run, secret, place, oid, { ...made, changes }, owned, found)
}

/** A document of ours that has gained keys since is an application's too by now: it is reported, never wiped. */
async function gained(run: Run, place: Place, made: Plan, wanted: Tree<Wanted>): Promise<string | null> {
  const change = made.changes.find((known) => known.kind === 'update' && known.drift === 'edited')
  const want = wanted.get(place.name)
  if (change === undefined || want === undefined || !isDocument(place.name)) return null
  const lost = await lostKeys(place.name, readLive(place.key).toString(), run.host.kept.read(want.digest).toString())
  return lost === null || lost.length === 0 ? null : `has gained ${lost.length} key${lost.length === 1 ? '' : 's'} that the source lacks; set strategy: 'merge', or take them out`
}

/** Only the keys that the source sets are ours: three-way against what was applied last. */
function merged(run: Run, secret: SecretFile, place: Place, oid: Sha, wanted: Tree<Wanted>, digest: Digest): UnitTarget {
  const known = ownedSecret(run, place)
  const owned: Tree<Owned> = known === null ? new Map() : new Map([[place.name, known]])
  const change = mergeChange(run, place, known, digest)
  const stat = statOf(place.key)
  const present = new Map<RelPath, Present>(stat === null ? [] : [[place.name, { kind: 'file', digest, mode: stat.mode & 0o7777, stat: fingerprint(stat) }]])
  const found = { ...scan(place.root, [], owned), present }
  return shaped(run, secret, place, oid, { target: secret.name, root: place.root, changes: change === null ? [] : [change], wanted }, owned, found)
}

/** What has to change in a co-owned document, sealed; null when nothing that is ours differs. `digest` null takes all that is ours away. */
export function mergeChange(run: Run, { key, name }: Place, known: Owned | null, digest: Digest | null): Change | null {
  const { kept } = run.host
  const stat = statOf(key)
  if (stat !== null && !stat.isFile()) return { kind: 'conflict', path: name, reason: 'is not a file; move it away' }
  // Nobody has touched it since, and nothing new is wanted.
  const settled = stat !== null && known?.stat != null && sameStat(known.stat, fingerprint(stat)) && (stat.mode & 0o077) === 0
  if (settled && known.digest === digest) return null
  const document = (of: Digest | null | undefined): ReturnType<typeof parseJson> => (of == null ? undefined : parseJson(kept.read(of).toString(), key))
  const live = stat === null ? undefined : parseJson(readLive(key).toString(), key)
  const { edits, drift } = merge(document(known?.digest), document(digest), live)
  const open = stat !== null && (stat.mode & 0o077) !== 0
  if (edits.length === 0 && !(open && digest !== null)) return known !== null && known.digest === digest ? null : { kind: 'adopt', path: name, after: wantedOf(digest) }
  const list = kept.keepSecret(Buffer.from(JSON.stringify(edits)), key)
  const why = drift.length > 0 ? 'edited' : stat === null && known !== null ? 'missing' : edits.length === 0 ? 'mode' : null
  return { kind: 'edit', path: name, edits: list, mode: 0o600, created: stat === null, drift: why }
}

function wantedOf(digest: Digest | null): Wanted {
  if (digest === null) throw new Error('nothing is wanted, so nothing is adopted')
  return { kind: 'file', digest, executable: false, mode: null, content: { kind: 'kept', digest } }
}

function shaped(run: Run, secret: SecretFile, place: Place, oid: Sha, plan: Plan, owned: Tree<Owned>, found = scan(place.root, [], owned)): UnitTarget {
  return { kind: 'secret', name: secret.name, target: null, secret, key: place.key, root: place.root, plan, scan: found, owned, oids: new Map([[place.name, oid]]), onRemove: secret.onRemove }
}

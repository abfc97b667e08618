import { isDocument, lostKeys } from '../lib/documents/lost.ts'
import { fingerprint, readLive, sameStat, scan, statOf, type Scan } from '../lib/host/live.ts'
import type { SecretFile } from '../lib/model/config.ts'
import type { Digest } from '../lib/model/path.ts'
import { plan, type Change, type Plan } from '../lib/model/plan.ts'
import { HEALING } from '../lib/model/policy.ts'
import type { OwnedSecret } from '../lib/model/state.ts'
import type { Owned, Tree, Wanted } from '../lib/model/tree.ts'
import { closed } from './closing.ts'
import { isResting } from './contested.ts'
import { firstContactRefusal } from './first-contact.ts'
import { onDriftOf } from './policy.ts'
import type { Run, UnitSecret } from './run.ts'
import type { Place } from './secrets.ts'

/** What is to be done about one secret, and what is to be remembered of what its keys replaced. */
export type Decided = Pick<UnitSecret, 'plan' | 'scan'> & Pick<OwnedSecret, 'prior' | 'last' | 'made' | 'mode'>

/** One secret whose whole file is ours, planned. */
export async function replaced(run: Run, secret: SecretFile, place: Place, known: OwnedSecret | null, digest: Digest): Promise<Decided> {
  const want: Wanted = { kind: 'file', digest, executable: false, mode: 0o600, content: { kind: 'kept', digest } }
  const found = scan(place.root, [place.name], known === null ? new Map() : new Map([[place.name, known.owned]]), run.host.kept.digestAt)
  const forgotten = known === null ? forgottenOf(run, place) : null
  const owned = known?.owned ?? (forgotten === null ? null : asFarAsKnown(place, forgotten.owned, found))
  const live = found.present.get(place.name)
  // A secret that others may read is closed again, whoever has opened it.
  const isOpenOnly = live?.kind === 'file' && live.digest === owned?.digest
  const made = plan({
    target: secret.name,
    root: place.root,
    wanted: new Map([[place.name, want]]),
    owned: owned === null ? new Map() : (new Map([[place.name, owned]]) satisfies Tree<Owned>),
    present: found.present,
    refuseFirstContact: () => null,
    policy: { ...HEALING, onDrift: () => (isOpenOnly ? 'heal' : onDriftOf(run, secret)), rests: () => isResting(run, place.key) },
  })
  const why = await refusal(run, secret, place, made, digest, forgotten !== null)
  const conflict: Change[] = why === null ? [] : [{ kind: 'conflict', path: place.name, reason: why }]
  const changes = made.changes.map((change) => (forgotten !== null && change.kind === 'update' ? { ...change, drift: null } : change))
  const planned = why === null ? changes : conflict
  // What we never wrote is not ours to close.
  const isOurs = owned !== null
  return {
    plan: { ...made, changes: isOurs ? closed(place.name, planned, live) : planned },
    scan: found,
    prior: known?.prior ?? null,
    made: known?.made ?? false,
    mode: known?.mode ?? null,
  }
}

/** A file of ours whose fingerprint was made with a host key that is gone. */
function forgottenOf(run: Run, { key }: Place): OwnedSecret | null {
  const entry = run.inventory.secrets.get(key)
  return entry?.strategy === 'replace' ? entry : null
}

/** With an unchanged stat the file is as we left it, whatever its fingerprint was; otherwise nobody can tell. */
function asFarAsKnown({ key, name }: Place, owned: Owned, { present }: Scan): Owned {
  const [live, stat] = [present.get(name), statOf(key)]
  const same = live?.kind === 'file' && stat !== null && owned.stat !== null && sameStat(owned.stat, fingerprint(stat))
  return same ? { ...owned, digest: live.digest } : owned
}

/** A file that was there before us is not replaced unasked; one of ours that has gained keys is an application's too by now, and never wiped. */
async function refusal(run: Run, secret: SecretFile, place: Place, made: Plan, digest: Digest, forgotten: boolean): Promise<string | null> {
  const change = made.changes.find((known) => known.kind === 'update')
  if (change?.kind !== 'update') return null
  // Only its permissions differ: taking it over loses nothing.
  if (change.before.kind === 'file' && change.before.digest === digest) return null
  if (change.first) return firstContactRefusal(secret)
  if (change.drift !== 'edited' || !isDocument(place.name) || (forgotten && secret.adopt === 'replace')) return null
  const lost = await lostKeys(place.name, readLive(place.key).toString(), run.host.kept.read(digest).toString())
  if (lost === null || lost.length === 0) return null
  const keys = `${lost.length} key${lost.length === 1 ? '' : 's'} that the source lacks`
  const merge = `set secrets.${secret.name}.strategy to 'merge'`
  return forgotten
    ? `holds ${keys}, and the host key ${run.config.hostKey} that knew our version of it is gone; ${merge} or its adopt to 'replace' (a sealed copy is kept), or move it away`
    : `has gained ${keys}; ${merge}, or take them out`
}

import { scan } from '../lib/host/live.ts'
import { absPath, type AbsPath, type RelPath } from '../lib/model/path.ts'
import type { SecretFile } from '../lib/model/config.ts'
import { plan } from '../lib/model/plan.ts'
import type { OwnedSecret } from '../lib/model/state.ts'
import { asWanted, type Wanted } from '../lib/model/tree.ts'
import { coOwned } from './co-owned.ts'
import { leavingPolicy } from './leaving-policy.ts'
import { keysOf, placeOf, secretDocument, type Place } from './secrets.ts'
import type { Run, Unit, UnitSecret } from './run.ts'

/** Secrets of a unit that have left the config, or of which the source has nothing by now: our file, or our keys in a document, go; a file that was there before us comes back. */
export function departedSecrets(run: Run, unit: Unit, made: ReadonlyMap<SecretFile, unknown> | null): Promise<UnitSecret[]> {
  const isThere = (secret: SecretFile): boolean => made === null || secret.source !== unit.name || made.has(secret)
  const gone = goneSecrets(run, isThere).filter(([, secret]) => secret.source === unit.name)
  return Promise.all(
    gone.map(async ([key, secret]) => {
      const place = placeAt(key)
      const { plan, scan, returning = [] } = await going(run, place, secret)
      return { name: secret.name, secret: null, key, root: place.root, objects: null, plan, scan, after: null, returning }
    }),
  )
}

type Going = Pick<UnitSecret, 'plan' | 'scan' | 'returning'>

async function going(run: Run, place: Place, secret: OwnedSecret): Promise<Going> {
  const known = run.host.kept.opens(secret.owned.digest)
  // Without the key that it was fingerprinted with nobody can tell what of it is ours.
  if (!known && secret.onRemove === 'restore') run.notes.push(`${place.key}: left in place, for the host key that knew it is gone`)
  if (known && secret.onRemove === 'restore') return secret.strategy === 'merge' ? keysGo(run, place, secret) : fileGoes(run, place, secret)
  return { scan: scan(place.root, [], new Map()), plan: { target: secret.name, root: place.root, changes: [], wanted: new Map() } }
}

/** What the inventory still owns at places that no secret of the config names. */
export function goneSecrets(
  { config, inventory }: Pick<Run, 'config' | 'inventory'>,
  isThere: (secret: SecretFile) => boolean = () => true,
): [AbsPath, OwnedSecret][] {
  const keys = new Set(config.secrets.filter(isThere).map((secret) => placeOf(secret).key))
  return [...inventory.secrets].filter(([key]) => !keys.has(key))
}

async function keysGo(run: Run, place: Place, secret: OwnedSecret): Promise<Going> {
  const { change } = await coOwned(run, secretDocument(place, secret.as, null, secret.parts), keysOf(secret))
  return {
    plan: { target: secret.name, root: place.root, changes: change === null ? [] : [change], wanted: new Map() },
    scan: scan(place.root, [], new Map()),
  }
}

function fileGoes(run: Run, place: Place, secret: OwnedSecret): Going {
  const owned = new Map([[place.name, secret.owned]])
  const found = scan(place.root, [place.name], owned, run.host.kept.digestAt)
  const wanted = new Map<RelPath, Wanted>()
  if (secret.original !== null) wanted.set(place.name, asWanted(secret.original))
  const { present } = found
  const policy = leavingPolicy(wanted, owned, present)
  const made = plan({ target: secret.name, root: place.root, wanted, owned, present, refuseFirstContact: () => null, policy })
  const isFree = !present.has(place.name) || made.changes.some(({ kind }) => kind === 'delete')
  return { plan: made, scan: found, returning: isFree && run.inventory.vacated.has(place.key) ? [place.name] : [] }
}

function placeAt(key: AbsPath): Place {
  const cut = key.lastIndexOf('/')
  return { key, root: absPath(key.slice(0, cut) || '/'), name: key.slice(cut + 1) as RelPath }
}

import { pointer } from '../model/json.ts'
import { isWithin } from '../model/path.ts'
import { keyOf, type Pointer } from '../model/pointer.ts'
import type { Branch } from '../secrets/sops/document.ts'
import { lostPlaces, sharedPlaces } from '../secrets/sops/key-places.ts'
import { pickKeys } from '../secrets/sops/pick-keys.ts'
import { loadEncrypted, loadPlain } from '../secrets/sops/store.ts'
import { pointerFrom } from './document-path.ts'

/** What of a JSON document stands at some places, which have commas between them. Throws as `pickKeys` does. */
export function onlyKeys(document: Buffer, keys: string): Buffer {
  return Buffer.from(pickKeys(document.toString('utf8'), placesIn(keys)))
}

function placesIn(keys: string): Pointer[] {
  return keys.split(',').map(pointerFrom)
}

/** The places of an encrypted JSON file that a live one has too: keys are not secret. */
export async function keysAt(encrypted: Buffer, live: Buffer): Promise<string[]> {
  const [there, here] = [await treeOf(encrypted), await treeOf(live)]
  return there === null || here === null ? [] : sharedPlaces(there, here).map(pointer)
}

/** What an encrypted JSON file had outside of some places, and its next version has not. */
export async function leftOut(old: Buffer, next: Buffer, keys: string): Promise<string[]> {
  const [before, after] = [await treeOf(old), await treeOf(next)]
  if (before === null || after === null) return []
  // What goes below a place that was named went from the live file.
  const named = placesIn(keys).map((place) => pointer(place.map((step) => keyOf(step) ?? '')))
  return lostPlaces(before, after)
    .map(pointer)
    .filter((place) => !named.some((one) => isWithin(place, one)))
}

/** A JSON file as a tree, encrypted or in clear; null for anything else. */
async function treeOf(bytes: Buffer): Promise<Branch | null> {
  const loaded = await loadEncrypted(bytes).catch(() => null)
  if (loaded !== null) return loaded.format === 'json' ? (loaded.taken.documents[0] ?? null) : null
  return (await loadPlain(bytes, 'json').catch(() => null))?.documents[0] ?? null
}

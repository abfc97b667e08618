import type { Host } from '../lib/host/host.ts'
import { keptList, saveKeptList } from '../lib/host/kept-list.ts'
import { realPath, scan } from '../lib/host/live.ts'
import type { Config } from '../lib/model/config.ts'
import { relisted } from '../lib/model/kept-list.ts'
import { under, type AbsPath, type Digest, type RelPath } from '../lib/model/path.ts'
import { recognized, type Recognized } from '../lib/model/recognized.ts'
import type { Inventory, OwnedSecret } from '../lib/model/state.ts'
import type { Owned } from '../lib/model/tree.ts'
import { auditRecord, writeDown } from './audit.ts'
import { listedCopy } from './kept-copy.ts'
import type { Run } from './run.ts'

/**
 * What of an inventory that another machine wrote is ours here, by what is live. `met`: this machine has had the state before, and files
 * whose stat is as it was are not read again. Writes nothing.
 */
export function ownedHere(config: Config, host: Host, inventory: Inventory, met: boolean): Recognized {
  const asRecorded = new Map<AbsPath, boolean>()
  const half = halfDone(host)
  for (const [root, { entries }] of inventory.targets)
    for (const [path, owned] of entries) {
      const live = under(root, path)
      if (owned.keys === undefined) asRecorded.set(live, isThere(root, path, owned, met, half.get(live)))
    }
  for (const [path, secret] of inventory.secrets) {
    const is = isSecretThere(host, inventory, path, secret, half.get(path))
    if (is !== null) asRecorded.set(path, is)
  }
  return recognized(inventory, realPath(config.home) ?? config.home, asRecorded)
}

/** Makes that the inventory: what stood before us at what is not ours here is listed first, so that its copy stays. */
export function settleHere(config: Config, host: Host, { inventory, orphans, strangers }: Recognized): void {
  if (strangers.length === 0) return
  const at = host.now().toISOString()
  const copies = orphans.map((orphan) => listedCopy(at, orphan))
  saveKeptList(config.state, relisted(keptList(config.state), copies, Number.NEGATIVE_INFINITY))
  host.store.saveInventory(inventory)
}

/** What was found, in one sentence. */
export function saidHere({ looked, drifted, strangers }: Recognized): string {
  const asTold = `${looked - drifted.length - strangers.length} of ${looked} files are as it tells`
  if (strangers.length > 0)
    return `the state here was written on another machine: ${asTold} and stay ours; what stands at ${listed(strangers)} counts as never written by us, and a copy is kept before it is replaced`
  if (drifted.length > 0)
    return `the state here was written on another machine: ${asTold}, so all of it stays ours, and the others are drift`
  return 'the state here was written on another machine: what is live is as it tells, and stays ours'
}

/** Says it, and writes it down. */
export function tellHere(run: Run, found: Recognized): void {
  const message = saidHere(found)
  run.notes.push(message)
  for (const unit of run.units) writeDown(run, auditRecord(run, unit, { change_type: 'another-machine', message, paths: found.strangers }))
}

function listed(paths: readonly AbsPath[]): string {
  const rest = paths.length - 3
  return `${paths.slice(0, 3).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

/** What a killed run has written, and the undo that comes next finds: null stands for what it has removed. */
function halfDone({ store }: Host): Map<AbsPath, (Digest | null)[]> {
  const half = new Map<AbsPath, (Digest | null)[]>()
  for (const { generation } of store.journal()?.open ?? [])
    for (const step of store.generation(generation)?.steps ?? []) {
      const after = step.kind === 'put' ? step.after.digest : null
      if (step.kind === 'put' || step.kind === 'remove') half.set(step.path, [...(half.get(step.path) ?? []), after])
    }
  return half
}

function isThere(root: AbsPath, path: RelPath, owned: Owned, met: boolean, half: readonly (Digest | null)[] = []): boolean {
  try {
    const live = scan(root, [path], met ? new Map([[path, owned]]) : new Map()).present.get(path)
    if (live === undefined) return half.includes(null)
    return (live.kind === 'file' || live.kind === 'link') && (live.digest === owned.digest || half.includes(live.digest))
  } catch {
    // What cannot be read cannot be told to be ours.
    return false
  }
}

/** Null when nobody can tell: only keys of it are ours, or it was sealed with a host key that is not here. */
function isSecretThere(
  { kept }: Host,
  { hostKey }: Inventory,
  path: AbsPath,
  { strategy, owned }: OwnedSecret,
  half: readonly (Digest | null)[] = [],
): boolean | null {
  if (strategy === 'merge' || !isKeyHere(kept, hostKey)) return null
  try {
    const live = kept.digestAt(path)
    return live === owned.digest || half.includes(live)
  } catch {
    return half.includes(null)
  }
}

function isKeyHere(kept: Host['kept'], name: string | null): boolean {
  try {
    return kept.keyName() === name
  } catch {
    return false
  }
}

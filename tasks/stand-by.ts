import { rootOf, scan } from '../lib/host/live.ts'
import type { Target } from '../lib/model/config.ts'
import type { RelPath, Sha } from '../lib/model/path.ts'
import { plan } from '../lib/model/plan.ts'
import type { Owned, Wanted } from '../lib/model/tree.ts'
import { policyOf } from './policy.ts'
import type { Run, Unit, UnitTarget } from './run.ts'

/**
 * The pulled revision is held: what is wanted is what was applied last, so that drift is still healed. The inventory knows that,
 * whatever the config says by now, for its change may be what was rolled back.
 */
export function standBy(run: Run, unit: Unit, declared: readonly Target[]): UnitTarget[] {
  unit.held = true
  unit.commit = run.inventory.applied.get(unit.name)?.commit ?? null
  return declared.flatMap((target) => {
    const root = rootOf(target.to)
    const known = run.inventory.targets.get(root)
    if (known === undefined || unit.commit === null) return []
    const { name, onRemove } = known
    const oids = new Map<RelPath, Sha>()
    const wanted = new Map<RelPath, Wanted>()
    for (const [path, { kind, digest, executable, mode, oid }] of known.entries) {
      if (oid === null) continue
      oids.set(path, oid)
      wanted.set(path, { kind, digest, executable, mode, content: { kind: 'git', source: unit.name, oid } })
    }
    const owned: ReadonlyMap<RelPath, Owned> = new Map([...known.entries].filter(([path]) => wanted.has(path)))
    const found = scan(root, wanted.keys(), owned)
    const made = plan({
      target: name,
      root,
      wanted,
      owned,
      present: found.present,
      refuseFirstContact: () => null,
      policy: policyOf(run, target, root),
    })
    return [{ name, target, root, plan: made, scan: found, owned, oids, onRemove }]
  })
}

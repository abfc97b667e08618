import { refuseNesting } from '../lib/config/targets.ts'
import { rootOf } from '../lib/host/live.ts'
import type { Config } from '../lib/model/config.ts'
import { settled } from '../lib/model/settle.ts'
import type { Inventory } from '../lib/model/state.ts'
import { movedTo } from './moved-root.ts'

/** The inventory, divided as the config says now. Throws `config` when two targets are one directory, or one in the other, by their links. */
export function settledIn(config: Config, inventory: Inventory): Inventory {
  const places = config.targets.map((target) => ({ ...target, to: rootOf(target.to) }))
  refuseNesting(places, config.secrets)
  return settled(
    inventory,
    places.map(({ to, source, name, onRemove }) => ({ root: to, source, name, onRemove })),
    (root) => movedTo(inventory, root),
  )
}

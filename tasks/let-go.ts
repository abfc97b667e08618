import { keptList, saveKeptList } from '../lib/host/kept-list.ts'
import { relisted } from '../lib/model/kept-list.ts'
import { isWithin, under } from '../lib/model/path.ts'
import type { Inventory, KeptCopy } from '../lib/model/state.ts'
import { listedCopy } from './kept-copy.ts'
import type { Run, Unit } from './run.ts'

/** What was there before us and does not come back is a copy of a person's work from now on. */
export function keepLetGo({ config, host, inventory }: Run, units: readonly Unit[]): void {
  const at = host.now().toISOString()
  const copies = units.flatMap((unit) => letGo(inventory, unit)).map((copy) => listedCopy(at, copy))
  if (copies.length > 0) saveKeptList(config.state, relisted(keptList(config.state), copies, -Infinity))
}

/** What stood before us at places that leave with this unit and are to be left as they are: it does not come back. */
function letGo({ originals, secrets }: Inventory, unit: Unit): KeptCopy[] {
  const roots = unit.targets.filter(({ target, onRemove }) => target === null && onRemove === 'leave')
  const files = [...originals]
    .filter(([path]) => roots.some(({ root }) => isWithin(path, root)))
    .map(([path, { digest }]) => [path, digest] as const)
  const keys = roots.flatMap(({ root, owned }) =>
    [...owned].map(([path, { keys: ours }]) => [under(root, path), ours?.prior ?? null] as const),
  )
  const sealed = unit.secrets.flatMap(({ secret, key }) => {
    const known = secret === null ? secrets.get(key) : undefined
    return known?.onRemove === 'leave' ? [[key, known.original?.digest ?? null] as const, [key, known.prior] as const] : []
  })
  return [...files, ...keys, ...sealed].flatMap(([path, copy]) => (copy === null ? [] : [{ path, copy }]))
}

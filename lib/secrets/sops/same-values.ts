import { isEncrypted } from './cipher.ts'
import { isBranch, isComment, isList, type Branch, type Leaf, type Value } from './document.ts'
import { serialise } from './leaf.ts'

/** Whether documents hold the same keys and values, whatever their comments and their layout. */
export function sameValues(one: readonly Branch[], two: readonly Branch[]): boolean {
  return one.length === two.length && one.every((document, index) => same(document, two[index] ?? null))
}

function same(one: Value, two: Value): boolean {
  if (isBranch(one)) {
    if (!isBranch(two)) return false
    const [items, others] = [one, two].map(({ items: all }) => all.filter((entry) => entry.kind === 'item' && !isComment(entry.value)))
    return every(items ?? [], others ?? [], (left, right) => {
      return left.kind === 'item' && right.kind === 'item' && left.key === right.key && same(left.value, right.value)
    })
  }
  if (isList(one)) {
    if (!isList(two)) return false
    const [items, others] = [one, two].map(({ items: all }) => all.filter((entry) => !isComment(entry)))
    return every(items ?? [], others ?? [], same)
  }
  return !isBranch(two) && !isList(two) && !isComment(one) && !isComment(two) && sameLeaf(one, two)
}

function every<T>(items: readonly T[], others: readonly T[], isSame: (one: T, two: T) => boolean): boolean {
  return items.length === others.length && items.every((entry, index) => isSame(entry, others[index] as T))
}

function sameLeaf(one: Leaf, two: Leaf): boolean {
  // In a block an encrypted value has a line feed behind it, which counts for nobody.
  if (typeof one === 'string' && typeof two === 'string' && isEncrypted(one)) return one.trimEnd() === two.trimEnd()
  const [left, right] = [serialise(one), serialise(two)]
  if (left === null || right === null) return left === right
  return left.type === right.type && left.bytes.equals(right.bytes)
}

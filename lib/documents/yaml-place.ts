import { isMap, isScalar, isSeq, type Document, type Node, type Pair, type YAMLMap, type YAMLSeq } from 'yaml'
import { indexOf, keyOf, made, type Pointer, type Step } from '../model/pointer.ts'

/** A mapping or a list of a document that was parsed with its tokens kept. */
export type Container = YAMLMap<Node, Node | null> | YAMLSeq<Node | null>

/** A member of a container: its place among the others, and what holds it. */
export interface Member {
  readonly parent: Container
  readonly at: number
}

/** Keys and places, from the root on. */
export type Way = readonly (string | number)[]

/** How far a pointer leads: to a member, or to the container in which the rest of the way is missing. */
export type Found =
  | { readonly kind: 'there'; readonly member: Member; readonly way: Way }
  | { readonly kind: 'missing'; readonly parent: Container; readonly above: Member | null; readonly way: Way; readonly rest: Way }
  | { readonly kind: 'blocked'; readonly depth: number }

/** Follows a pointer; where the way ends at nothing, the rest of it can be made there. */
export function follow(document: Document.Parsed, pointer: Pointer): Found {
  let parent = document.contents as Node | null
  let above: Member | null = null
  const way: (string | number)[] = []
  for (const [depth, step] of pointer.entries()) {
    if (!isMap(parent) && !isSeq(parent)) return { kind: 'blocked', depth }
    const container = parent as Container
    const at = placeOf(container, step)
    if (at === null) return { kind: 'blocked', depth }
    if (at >= container.items.length) {
      const rest = restOf(container, pointer.slice(depth))
      return rest === null ? { kind: 'blocked', depth } : { kind: 'missing', parent: container, above, way, rest }
    }
    way.push(isMap(container) ? (keyOf(step) ?? '') : at)
    above = { parent: container, at }
    parent = valueOf(above)
  }
  return above === null ? { kind: 'blocked', depth: 0 } : { kind: 'there', member: above, way }
}

/** The value of a member; null where nothing is written. */
export function valueOf({ parent, at }: Member): Node | null {
  const item = parent.items[at]
  return isMap(parent) ? (item as Pair<Node, Node | null>).value : (item as Node | null)
}

/** The first with that key, or behind the last; null for a step that cannot be one of this container. */
function placeOf(container: Container, step: Step): number | null {
  if (isMap(container)) {
    const key = keyOf(step)
    if (key === undefined) return null
    const at = container.items.findIndex((pair) => isScalar(pair.key) && pair.key.value === key)
    return at < 0 ? container.items.length : at
  }
  const at = indexOf(step, container.items.length)
  return at === undefined || at > container.items.length ? null : at
}

/** What is to be made, from the first missing key on. In what is new, a number is a place, which can only be the first. */
function restOf(container: Container, rest: readonly Step[]): (string | number)[] | null {
  const [first, ...inside] = rest
  const at = isMap(container) ? ((first && keyOf(first)) ?? '') : container.items.length
  const names = [at, ...inside.map(made)]
  return names.every((name) => name !== null) ? names : null
}

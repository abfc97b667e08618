import { isBranch, isComment, isList, type Branch, type Comment, type Documents, type Leaf, type List, type Value } from './document.ts'
import type { Place } from './rules.ts'

/** Gives each leaf and comment its new value. Null values are not visited: SOPS neither encrypts nor hashes them. */
export type Visit = (value: Exclude<Leaf, null> | Comment, place: Place) => Value

/** Every document, in order, with every leaf and comment replaced by what `visit` gives for it. A new tree. */
export function walk(documents: Documents, visit: Visit): Branch[] {
  return documents.map((document) => walkBranch(document, [], [], visit))
}

function walkBranch(map: Branch, path: readonly string[], above: readonly string[][], visit: Visit): Branch {
  const active: string[] = []
  const comments = [...above, active]
  const items = map.items.map((entry) => {
    if (entry.kind === 'comment') {
      active.push(entry.text)
      return asComment(visit(entry, { path, comments, isComment: true, at: entry.at }), entry)
    }
    const inside = [...path, entry.key]
    if (!isComment(entry.value)) {
      const value = walkValue(entry.value, { path: inside, at: entry.at }, comments, visit)
      active.length = 0
      return { ...entry, value }
    }
    active.push(entry.value.text)
    return { ...entry, value: walkValue(entry.value, { path: inside, at: entry.at }, comments, visit) }
  })
  return { ...map, items }
}

function walkList(values: List, path: readonly string[], above: readonly string[][], visit: Visit): List {
  const active: string[] = []
  const comments = [...above, active]
  const items = values.items.map((value, index) => {
    if (isComment(value)) {
      active.push(value.text)
      return asComment(visit(value, { path, comments, isComment: true, at: value.at }), value)
    }
    const walked = walkValue(value, { path, at: values.spots?.[index] }, comments, visit)
    active.length = 0
    return walked
  })
  return { ...values, items }
}

function walkValue(value: Value, where: Pick<Place, 'path' | 'at'>, comments: readonly string[][], visit: Visit): Value {
  if (value === null) return null
  if (isBranch(value)) return walkBranch(value, where.path, [...comments], visit)
  if (isList(value)) return walkList(value, where.path, [...comments], visit)
  return visit(value, { ...where, comments, isComment: isComment(value) })
}

/** A comment stays one: SOPS would turn one in a list into an item, which only some of its versions read again. */
function asComment(value: Value, before: Comment): Comment {
  if (typeof value === 'string') return { ...before, text: value }
  return isComment(value) ? value : before
}

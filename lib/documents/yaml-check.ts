import { isAlias, isMap, isScalar, isSeq, Scalar, visit, type Document, type Node } from 'yaml'
import type { NewValue } from './new-value.ts'
import type { Way } from './yaml-place.ts'
import { isPlain } from './yaml-render.ts'

/** What is in some documents, a line for each value: around a place of the first, and inside of it. */
interface Outline {
  readonly around: string[]
  readonly inside: string[]
}

/** Whether an edit has done what it was to do and nothing else: all that is not at the place is as it was, and in its order. */
export function isEdited(before: readonly Document.Parsed[], after: readonly Document.Parsed[], way: Way, value: NewValue | null): boolean {
  // What follows in a list moves to the place of what was removed.
  const moves = value === null && typeof way.at(-1) === 'number'
  if (after.some(hasLooseAlias)) return false
  const [old, now] = [outline(before, way, moves), outline(after, way, moves)]
  if (moves) return same([...now.around, ...now.inside].toSorted(), old.around.toSorted())
  if (!same(old.around, now.around)) return false
  // What a text says that was written elsewhere is for its reader to find out.
  return value?.kind === 'written' || same(now.inside, value === null ? [] : ofValue(value, []))
}

/** Whether something refers to an anchor that is gone. */
function hasLooseAlias(document: Document.Parsed): boolean {
  let loose = false
  visit(document, { Alias: (_, alias) => void (loose ||= alias.resolve(document) === undefined) })
  return loose
}

function same(one: readonly string[], two: readonly string[]): boolean {
  return one.length === two.length && one.every((line, index) => line === two[index])
}

function outline(documents: readonly Document.Parsed[], way: Way, moves: boolean): Outline {
  const result: Outline = { around: [], inside: [] }
  documents.forEach(({ contents }, index) => {
    describe(contents, { path: [String(index)], way: index === 0 ? way : null, moves, result })
  })
  return result
}

interface At {
  readonly path: Way
  /** What is left of the way to the place; null off that way, empty at it. */
  readonly way: Way | null
  readonly moves: boolean
  readonly result: Outline
}

function describe(node: Node | null, at: At): void {
  const { path, way, moves, result } = at
  const members = membersOf(node)
  if (way?.length === 0) result.inside.push(...ofNode(node, moves ? path : [], moves))
  else if (members === null) result.around.push(line(path, leaf(node)))
  // A container on the way may become empty, or be so no longer.
  else if (members.length === 0 && way === null) result.around.push(line(path, isMap(node) ? '{}' : '[]'))
  else {
    const on = members.findIndex(([name]) => name === way?.[0])
    members.forEach(([name, value], index) => {
      describe(value, { ...at, path: [...path, stepOf(name, moves)], way: way !== null && index === on ? way.slice(1) : null })
    })
  }
}

function ofNode(node: Node | null, path: Way, moves: boolean): string[] {
  const members = membersOf(node)
  if (members === null) return [line(path, leaf(node))]
  if (members.length === 0) return [line(path, isMap(node) ? '{}' : '[]')]
  return members.flatMap(([name, value]) => ofNode(value, [...path, stepOf(name, moves)], moves))
}

function ofValue(value: NewValue, path: Way): string[] {
  if (value.kind === 'written') return []
  if (value.kind === 'text') return [line(path, `text ${value.text}`)]
  if (value.kind === 'word') return [line(path, `plain ${value.text}`)]
  const members = value.kind === 'map' ? value.entries : value.items.map((item, index) => [index, item] as const)
  if (members.length === 0) return [line(path, value.kind === 'map' ? '{}' : '[]')]
  return members.flatMap(([name, inner]) => ofValue(inner, [...path, name]))
}

function membersOf(node: Node | null): (readonly [string | number, Node | null])[] | null {
  if (isSeq(node)) return node.items.map((item, index) => [index, item as Node | null] as const)
  if (!isMap(node)) return null
  return node.items.map((pair) => [isScalar(pair.key) ? String(pair.key.value) : '?', pair.value as Node | null] as const)
}

function stepOf(name: string | number, moves: boolean): string | number {
  return moves && typeof name === 'number' ? -1 : name
}

function line(path: Way, what: string): string {
  return JSON.stringify([...path, what])
}

function leaf(node: Node | null): string {
  if (isAlias(node)) return `*${node.source}`
  if (!isScalar(node)) return 'plain '
  const text = String(node.value)
  return node.type === Scalar.PLAIN && !isPlain(text) ? `plain ${text}` : `text ${text}`
}

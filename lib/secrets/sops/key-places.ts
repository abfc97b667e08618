import { isBranch, lookup, type Branch } from './document.ts'

/**
 * The keys that two documents share, as few as can be: a mapping is one place when the second has no key in it, at any depth,
 * that the first lacks; otherwise each of its keys is.
 */
export function sharedPlaces(first: Branch, second: Branch): string[][] {
  return keysOf(first).flatMap((key) => {
    const [mine, theirs] = [lookup(first, key), lookup(second, key)]
    if (theirs === undefined) return []
    if (mine === undefined || !isBranch(mine) || !isBranch(theirs) || covers(mine, theirs)) return [[key]]
    return sharedPlaces(mine, theirs).map((rest) => [key].concat(rest))
  })
}

/** The keys of the first document that the second lacks, each at the top of what is missing. */
export function lostPlaces(first: Branch, second: Branch): string[][] {
  return keysOf(first).flatMap((key) => {
    const [mine, theirs] = [lookup(first, key), lookup(second, key)]
    if (theirs === undefined) return [[key]]
    return mine !== undefined && isBranch(mine) && isBranch(theirs) ? lostPlaces(mine, theirs).map((rest) => [key].concat(rest)) : []
  })
}

function covers(first: Branch, second: Branch): boolean {
  return lostPlaces(second, first).length === 0
}

function keysOf({ items }: Branch): string[] {
  return items.flatMap((entry) => (entry.kind === 'item' ? [entry.key] : []))
}

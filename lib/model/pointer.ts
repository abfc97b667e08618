/** A step into a document: the key of a mapping, the place in a list, or, in a JSON pointer, whichever the container wants. */
export type Step = { readonly key: string } | { readonly index: number } | { readonly either: string }

/** A way into a document, from its root. Empty for the whole. */
export type Pointer = readonly Step[]

// A key ends at the first quote with a bracket behind it.
const BRACKET = /\[(?:"((?:(?!"\]).)*)"|'((?:(?!'\]).)*)'|(\d{1,9}))\]/sy

/**
 * A way written as sops does, `["a"]["b"][0]`, or as a JSON pointer, `/a/b/0`; null for anything else. In a pointer `~1` is
 * a slash and `~0` a tilde; in brackets nothing is escaped.
 */
export function parsePointer(text: string): Pointer | null {
  if (text === '') return []
  if (text.startsWith('/')) {
    const parts = text.slice(1).split('/')
    if (parts.some((part) => /~(?![01])/.test(part))) return null
    return parts.map((part) => ({ either: part.replaceAll('~1', '/').replaceAll('~0', '~') }))
  }
  const steps: Step[] = []
  BRACKET.lastIndex = 0
  while (BRACKET.lastIndex < text.length) {
    const match = BRACKET.exec(text)
    if (match === null) return null
    steps.push(match[3] === undefined ? { key: match[1] ?? match[2] ?? '' } : { index: Number(match[3]) })
  }
  return steps
}

/** The way as a person reads it, in sops' own notation. */
export function showPointer(pointer: Pointer): string {
  return pointer.map((step) => ('index' in step ? `[${step.index}]` : `[${JSON.stringify(keyOf(step))}]`)).join('')
}

/** The key that a step means in a mapping; undefined for one that can only be a place in a list. */
export function keyOf(step: Step): string | undefined {
  return 'key' in step ? step.key : 'either' in step ? step.either : undefined
}

/**
 * What a step makes where nothing is yet: a key, or 0 for the first place of a new list, which `-` begins as well; null for a
 * later place.
 */
export function made(step: Step): string | 0 | null {
  if ('either' in step) return step.either === '-' ? 0 : step.either
  return 'key' in step ? step.key : step.index === 0 ? 0 : null
}

/** The place that a step means in a list of some length; undefined for one that can only be a key. `-` is behind the last. */
export function indexOf(step: Step, length: number): number | undefined {
  if ('index' in step) return step.index
  if ('key' in step) return undefined
  return step.either === '-' ? length : /^(?:0|[1-9]\d{0,8})$/.test(step.either) ? Number(step.either) : undefined
}

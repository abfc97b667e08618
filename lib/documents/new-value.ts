import { GitopsError } from '../model/errors.ts'

/** A value for a document: numbers as the text they were written as, so that none is rounded. */
export type NewValue =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly NewValue[] }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [key: string, value: NewValue])[] }
  /** A value as a document of the same format had it: the text itself. In YAML with what stood between the colon and it. */
  | { readonly kind: 'written'; readonly text: string }

const INT64 = 1n << 63n

/**
 * The value that a JSON text says. Throws `invalid`, without anything of the text, when it is not JSON, or holds an integer of
 * more than 64 bits or a number that is too large: SOPS has no type for those.
 */
export async function jsonValue(text: string): Promise<NewValue> {
  const { parseTree } = await import('jsonc-parser')
  try {
    JSON.parse(text)
  } catch {
    // What the parser says quotes the text.
    throw new GitopsError('invalid', 'the value is not JSON', { hint: 'Quote a text, "like this", or leave out --json.' })
  }
  const root = parseTree(text)
  if (root === undefined) throw new Error('JSON that only one parser reads')
  return convert(root, text)
}

type Node = NonNullable<ReturnType<typeof import('jsonc-parser').parseTree>>

function convert(node: Node, text: string): NewValue {
  if (node.type === 'string') return { kind: 'text', text: (node.value as string).toWellFormed() }
  if (node.type === 'array') return { kind: 'list', items: (node.children ?? []).map((child) => convert(child, text)) }
  if (node.type === 'object') {
    const entries = (node.children ?? []).map(({ children: [key, value] = [] }) => {
      return [String(key?.value).toWellFormed(), convert(value as Node, text)] as const
    })
    return { kind: 'map', entries }
  }
  const word = text.slice(node.offset, node.offset + node.length)
  if (node.type === 'number') refuseLarge(word)
  return { kind: 'word', text: word }
}

function refuseLarge(word: string): void {
  const integer = /^-?\d+$/.test(word) ? BigInt(word) : null
  if (integer !== null ? integer >= -INT64 && integer < INT64 : Number.isFinite(Number(word))) return
  throw new GitopsError('invalid', 'the value has a number that is too large: integers have 64 bits', { hint: 'Give it as a text.' })
}

/** The value inside of new containers: what setting a place means whose containers are not there either. */
export function nested(steps: readonly (string | number)[], value: NewValue): NewValue {
  return steps.reduceRight<NewValue>(
    (inner, step) => (typeof step === 'number' ? { kind: 'list', items: [inner] } : { kind: 'map', entries: [[step, inner]] }),
    value,
  )
}

import type { DoubledKey } from '../plugins/contract.ts'

/** What is said of a key that stands twice in a document, behind its place. */
export function said({ key }: DoubledKey): string {
  return `has the key ${JSON.stringify(key)} twice; take one of the two out`
}

import type { AgeIdentity } from '../age.ts'
import { fault } from '../fault.ts'
import { isBranch, isComment, isList, isNumeral, isTime, type Value } from './document.ts'
import { plainDecimal } from './number.ts'
import { openSops } from './open.ts'

/**
 * The values of an encrypted file as environment variables: those at the top of the first document. Null is no variable.
 * Throws as `decryptSops` does, and `environment` (`unsupported`) for a container, a name that no shell takes, or what
 * no variable can hold; the message names the key, never its value.
 */
export async function variablesOf(bytes: Uint8Array, identities: readonly AgeIdentity[]): Promise<Readonly<Record<string, string>>> {
  const { documents, key, loaded } = await openSops(bytes, identities)
  key.fill(0)
  if (loaded.format === 'binary') throw fault('unsupported', 'has no variables: it is encrypted as a whole')
  const variables: [string, string][] = []
  for (const item of documents[0]?.items ?? []) {
    if (item.kind === 'comment') continue
    // A shell reads `export NAME=` in such a file too; to SOPS it is all a key.
    const name = loaded.format === 'dotenv' ? item.key.replace(/^export[ \t]+/, '') : item.key
    const value = textOf(name, item.value)
    if (value !== null) variables.push([name, value])
  }
  return Object.fromEntries(variables)
}

function textOf(name: string, value: Value): string | null {
  if (value === null || isComment(value)) return null
  const shown = JSON.stringify(name)
  if (isBranch(value) || isList(value))
    throw fault('unsupported', `has a ${isList(value) ? 'list' : 'mapping'} at ${shown}, which no variable can hold`)
  if (!/^[A-Za-z_]\w*$/.test(name))
    throw fault('unsupported', `has the key ${shown}, which is no name of a variable`, { hint: 'Letters, digits and _ make one.' })
  if (Buffer.isBuffer(value) || (typeof value === 'string' && value.includes('\0')))
    throw fault('unsupported', `has bytes at ${shown} that no variable can hold`)
  if (typeof value === 'number') return plainDecimal(value)
  if (typeof value === 'object' && isNumeral(value)) return textOf(name, value.value)
  if (typeof value === 'object') return isTime(value) ? value.text : null
  return String(value)
}

import { writeJsonValue } from './json-write.ts'

/**
 * JSON has many spellings for one text, and most programs write one of four. Which one it was is told by the encrypted value:
 * with a letter of its `ENC` escaped, which every reader of JSON takes for that letter.
 */
const SPELLINGS: readonly { readonly mark: string; readonly spell: (text: string) => string }[] = [
  { mark: 'ENC', spell: (text) => text },
  // Python: nothing but ASCII.
  { mark: '\\u0045NC', spell: (text) => escaped(text, /[^\0-\x7f]/g) },
  // Go, and SOPS.
  { mark: 'E\\u004eC', spell: (text) => escaped(text, /[<>&\u2028\u2029]/g) },
  // PHP.
  { mark: 'EN\\u0043', spell: (text) => escaped(text, /[^\0-\x7f]/g).replaceAll('/', '\\/') },
]

/** The encrypted value as a string of JSON, which tells how the one in clear was spelled in `given`. */
export function encryptedString(encrypted: string, clear: string, given: string): string {
  const plain = writeJsonValue(clear)
  const { mark } = SPELLINGS.find(({ spell }) => spell(plain) === given) ?? { mark: 'ENC' }
  return JSON.stringify(encrypted).replace('ENC', () => mark)
}

/** The value in clear as a string of JSON, spelled as the encrypted string tells. */
export function clearString(clear: string, given: string): string {
  const { spell } = SPELLINGS.find(({ mark }) => given.startsWith(`"${mark}[`)) ?? { spell: (text: string) => text }
  return spell(writeJsonValue(clear))
}

function escaped(text: string, characters: RegExp): string {
  return text.replace(characters, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

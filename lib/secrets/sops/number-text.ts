import type { Numeral } from './document.ts'
import { parseFloatText, parseIntText, plainDecimal } from './number.ts'

/*
 * SOPS encrypts a number as its canonical digits, and every version of it takes other spellings of the same number as well:
 * that is where the user's own spelling lives. What is canonical digits is spelled, when it is decrypted, as SOPS would in
 * the format at hand; so a user who wrote those very digits, where SOPS would not, has a zero put before them.
 */

/** The number in a text, with the spelling kept if it is not `usual`, which is how SOPS writes it in the format. */
export function withSpelling(value: bigint | number, spelled: string, usual: string): bigint | number | Numeral {
  if (spelled === usual) return value
  const parsed = typeof value === 'bigint' ? parseIntText(spelled) : parseFloatText(spelled)
  if (parsed === null || !Object.is(parsed, value) || /[a-df-z]/i.test(spelled)) return value
  const needsZero = spelled === canonical(value) || hasZeroBefore(spelled)
  return { kind: 'numeral', value, text: needsZero ? spelled.replace(/^[+-]?/, '$&0') : spelled }
}

/** A decrypted number. */
export function fromText(value: bigint | number, text: string): bigint | number | Numeral {
  return text === canonical(value) ? value : { kind: 'numeral', value, text }
}

/** How the user spelled it. */
export function spelling({ text }: Numeral): string {
  return hasZeroBefore(text) ? text.replace(/^([+-]?)0/, '$1') : text
}

/** The digits that count for the MAC. */
export function canonical(value: bigint | number): string {
  return typeof value === 'bigint' ? value.toString() : plainDecimal(value)
}

function hasZeroBefore(text: string): boolean {
  return /^[+-]?0\d/.test(text)
}

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l'
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
const CHECKSUM_LENGTH = 6

/** The Bech32 text of some bytes, in lower case. */
export function bech32(prefix: string, bytes: Uint8Array): string {
  const words = regroup(bytes, 8, 5) ?? []
  const sum = checksum([...expand(prefix), ...words, 0, 0, 0, 0, 0, 0]) ^ 1
  const check = Array.from({ length: CHECKSUM_LENGTH }, (_, index) => (sum >>> (5 * (5 - index))) & 31)
  return `${prefix}1${[...words, ...check].map((word) => ALPHABET[word]).join('')}`
}

/** The bytes of a Bech32 text that is all in lower or all in upper case, or null for another prefix or a typo. The prefix is in lower case. */
export function bech32Bytes(text: string, prefix: string): Buffer | null {
  const lower = text.toLowerCase()
  if (text !== lower && text !== text.toUpperCase()) return null
  if (lower.slice(0, lower.lastIndexOf('1')) !== prefix) return null
  const words = Array.from(lower.slice(prefix.length + 1), (character) => ALPHABET.indexOf(character))
  if (words.length < CHECKSUM_LENGTH || words.includes(-1) || checksum([...expand(prefix), ...words]) !== 1) return null
  const bytes = regroup(words.slice(0, -CHECKSUM_LENGTH), 5, 8)
  return bytes === null ? null : Buffer.from(bytes)
}

function expand(prefix: string): number[] {
  const codes = Array.from(prefix, (character) => character.charCodeAt(0))
  return [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)]
}

function checksum(words: readonly number[]): number {
  let sum = 1
  for (const word of words) {
    const top = sum >>> 25
    sum = ((sum & 0x1ffffff) << 5) ^ word
    for (const [bit, part] of GENERATOR.entries()) if (((top >>> bit) & 1) === 1) sum ^= part
  }
  return sum >>> 0
}

/** Bits in groups of another size. When they get wider, what is left over must be less than a group and zero. */
function regroup(groups: Iterable<number>, from: number, to: number): number[] | null {
  const out: number[] = []
  let bits = 0
  let held = 0
  for (const group of groups) {
    held = (held << from) | group
    for (bits += from; bits >= to;) {
      bits -= to
      out.push((held >>> bits) & ((1 << to) - 1))
    }
    held &= (1 << bits) - 1
  }
  if (to < from) return bits === 0 ? out : [...out, (held << (to - bits)) & ((1 << to) - 1)]
  return bits >= from || held !== 0 ? null : out
}

import { randomBytes } from 'node:crypto'

/**
 * Parts of a secret by Shamir's scheme over GF(2^8), of which any `threshold` hold it together and fewer tell nothing.
 * Each is the secret's length in `y` bytes and one `x` byte, 1 for the first. Both numbers are from 2 to 255, and there
 * are at least `threshold` parts.
 */
export function splitSecret(secret: Uint8Array, parts: number, threshold: number): Buffer[] {
  // One polynomial a byte: its constant is the secret, the rest is chance. A highest coefficient of zero is as good as any.
  const chance = Array.from({ length: threshold - 1 }, () => randomBytes(secret.length))
  try {
    return Array.from({ length: parts }, (_, index) => {
      const x = index + 1
      const part = Buffer.alloc(secret.length + 1, x)
      for (let at = 0; at < secret.length; at += 1) {
        const sum = chance.reduce((value, coefficients) => times(value ^ (coefficients[at] ?? 0), x), 0)
        part[at] = sum ^ (secret[at] ?? 0)
      }
      return part
    })
  } finally {
    for (const coefficients of chance) coefficients.fill(0)
  }
}

/**
 * The secret that parts of Shamir's scheme over GF(2^8) hold together, or null when they are no such parts. Each part
 * is the secret's length in `y` bytes and one `x` byte at its end. Too few parts give a wrong secret, not null.
 */
export function combineParts(parts: readonly Uint8Array[]): Buffer | null {
  const length = parts[0]?.length ?? 0
  const places = parts.map((part) => part.at(-1) ?? 0)
  if (length < 2 || parts.some((part) => part.length !== length) || new Set(places).size !== places.length) return null
  const secret = Buffer.alloc(length - 1)
  parts.forEach((part, index) => {
    const weight = weightAtZero(places, index)
    for (let at = 0; at < secret.length; at += 1) secret[at] = (secret[at] ?? 0) ^ times(part[at] ?? 0, weight)
  })
  return secret
}

/** How much one point counts in the value at zero (Lagrange). Subtraction is exclusive or, so signs do not matter. */
function weightAtZero(places: readonly number[], index: number): number {
  const own = places[index] ?? 0
  return places.reduce((weight, other, at) => (at === index ? weight : times(weight, times(other, inverse(own ^ other)))), 1)
}

/** Without tables, and without branches on secret bits: neither the cache nor the clock tells anything. */
function times(one: number, two: number): number {
  let [left, right, product] = [one, two, 0]
  for (let bit = 0; bit < 8; bit += 1) {
    product ^= left & -(right & 1)
    left = ((left << 1) ^ (0x11b & -(left >> 7))) & 0xff
    right >>= 1
  }
  return product
}

/** The 254th power: in a field of 256 elements that is the inverse. */
function inverse(value: number): number {
  let [result, power] = [1, value]
  for (let bit = 1; bit < 8; bit += 1) {
    power = times(power, power)
    result = times(result, power)
  }
  return result
}
